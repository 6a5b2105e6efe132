"""Fields of a finding's texts under redaction: words of the protocol stay, names do not."""

from __future__ import annotations

import pytest

from capanalyzer.redact.redactor import Redactor
from capanalyzer.report.redacted import hide_field

REDACTOR = Redactor(b"a key of sixteen bytes")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("offered_suites", "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_RC4_128_SHA"),
        (
            "changed",
            "cipher_suites: -TLS_AES_128_GCM_SHA256; server_name: -www.acme.test, +db.acme.test; ALPN: +h2",
            "cipher_suites: -TLS_AES_128_GCM_SHA256; server_name; ALPN: +h2",
        ),
    ],
)
def test_words_stay_and_names_do_not(name: str, value: str, shown: str) -> None:
    assert hide_field(name, value, REDACTOR) == shown


def test_names_are_replaced() -> None:
    hidden = hide_field("names", "www.acme.test, *.acme.test", REDACTOR)
    assert isinstance(hidden, str)
    assert "acme" not in hidden
    assert hidden.count(", ") == 1


@pytest.mark.parametrize("value", ["192.0.2.1:443", "[2001:db8::1]:443", "[2001:db8::1]", "2001:db8::1:443"])
def test_addresses_keep_their_form(value: str) -> None:
    """With a port, with brackets, with both; and what ends like a port but is all address."""
    hidden = hide_field("before", value, REDACTOR)
    assert isinstance(hidden, str)
    assert "192.0.2.1" not in hidden
    assert "2001:db8::1" not in hidden
    assert hidden.endswith(":443") == (value in ("192.0.2.1:443", "[2001:db8::1]:443"))
    assert hidden.startswith("[") == value.startswith("[")
