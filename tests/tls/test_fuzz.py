"""The fuzz targets of TLS as part of every test run."""

from __future__ import annotations

from tests.fuzz.fuzz_tls import (  # noqa: F401  # collected by pytest from here
    test_certificates,
    test_extensions,
    test_hellos,
    test_messages,
    test_records,
)
