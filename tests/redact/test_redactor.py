"""One key's redaction is the same in every process."""

from __future__ import annotations

import pickle

from capanalyzer.redact.redactor import Redactor


def test_another_process_redacts_with_the_same_key() -> None:
    """Whatever key was drawn; some bytes would be taken for space around a key from a file."""
    for _ in range(300):
        redactor = Redactor()
        again: Redactor = pickle.loads(pickle.dumps(redactor))
        assert again.address_text("192.0.2.10") == redactor.address_text("192.0.2.10")


def test_space_around_a_key_does_not_count() -> None:
    keys = (b"a key of sixteen bytes", b"a key of sixteen bytes\n")
    first, second = (Redactor(key).address_text("192.0.2.10") for key in keys)
    assert first == second
