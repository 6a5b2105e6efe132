"""Watching an interface: verdicts while sessions happen, and who is told of them.

- The run: ``run`` (from the first packet to the last word), ``engine`` (packets in, verdicts out), ``ending``,
  ``preparation`` and ``privileges`` (what is loaded before the rights are given up), ``identity``, ``big_ip``,
  ``belonging``.
- What is told: ``listener`` (the promise to all who are told), ``telling``, ``incidents``, ``tally``, ``complaint``.
- To whom: ``lines``, ``jsonl``, ``outlet`` (readers that are slow), ``status``, ``notify`` (systemd); the terminal in
  ``view/``, Prometheus in ``metrics/``, webhooks and commands in ``hooks/``, the flight recorder in ``recorder/``.
"""
