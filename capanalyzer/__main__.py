"""``python -m capanalyzer``."""

from capanalyzer.cli import main

raise SystemExit(main())
