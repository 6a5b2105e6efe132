"""Sessions to verdicts: outcome, stage, cause, who has to act, and why.

- How it is decided: ``judge``, ``bulk`` (ordinary ones), ``registry`` (the rules in their order, which lie in
  ``rules/``), ``rule``, ``story`` (one session in the order of time), ``sight`` (does absence prove anything),
  ``offer``, ``evidence``, ``verdict``.
- What a capture teaches: ``knowledge``, ``servers``, ``successes``, ``starts``, ``legs``, ``lost``, ``bounded``;
  certificates in ``trust/``, BIG-IPs in ``f5/``.
- Captures that go on: ``running``, ``timers``.
- Texts: ``page`` (``pages/CAUSE.LANG.md``), ``fields``, ``render``, ``explain``.
"""
