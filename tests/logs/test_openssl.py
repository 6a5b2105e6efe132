"""OpenSSL's reasons: the table against the library itself."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from capanalyzer.logs.line import Role, Said
from capanalyzer.logs.openssl import REASONS, by_number, by_words, scan


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")
def test_numbers_are_those_of_the_library() -> None:
    """``openssl errstr`` knows the words of each number; one that it does not know it shows as such."""
    if subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split()[1] < "3":
        pytest.skip("OpenSSL before 3 counts libraries otherwise")
    codes = [f"{0x0A000000 + number:08X}" for number in REASONS]
    said = subprocess.run(["openssl", "errstr", *codes], capture_output=True, text=True, check=True).stdout.split("\n")
    words = [line.rpartition(":")[2] for line in said if line]
    assert words == [entry.words for entry in REASONS.values()]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")
@pytest.mark.parametrize(
    "alert", [10, 20, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 70, 71, 80, 86, 90, 112, 115, 116, 120]
)
def test_received_alerts(alert: int) -> None:
    """By the number and by the library's own words the same alert."""
    code = f"{0x0A000000 + 1000 + alert:08X}"
    line = subprocess.run(["openssl", "errstr", code], capture_output=True, text=True, check=True).stdout.strip()
    for role in (Role.SERVER, Role.CLIENT, None):
        scanned = scan(line, role)
        assert scanned is not None
        reason = scanned[0]
        assert (reason.alert, reason.said) == (alert, Said.PEER)
        if "reason(" not in line:
            again = by_words(line.rpartition(":")[2], role)
            assert again is not None
            assert (again.alert, again.meaning) == (alert, reason.meaning)


@pytest.mark.parametrize(
    ("text", "meaning", "role"),
    [
        ("error:1408F10B:SSL routines:ssl3_get_record:wrong version number", "first-record-not-tls", None),
        ("error:1417A0C1:SSL routines:tls_post_process_client_hello:no shared cipher", "no-shared-cipher", Role.SERVER),
        (
            "error:1416F086:SSL routines:tls_process_server_certificate:certificate verify failed",
            "verify-failed",
            Role.CLIENT,
        ),
        ("error:1417C0C7:SSL routines:tls_process_client_certificate:peer did not return a certificate",
         "client-certificate-missing", Role.SERVER),
        ("error:141A318A:SSL routines:tls_process_ske_dhe:dh key too small", "dh-key-too-small", Role.CLIENT),
        ("error:14094410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure", "alert-handshake-failure", None),
        ("error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", "first-record-not-tls", None),
        ("268436496:SSL routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE", "alert-handshake-failure", None),
        ("error:0A000FFF:SSL routines::something new", "reason-in-words", None),
    ],
)  # fmt: skip
def test_old_and_other_forms(text: str, meaning: str, role: Role | None) -> None:
    scanned = scan(text)
    assert scanned is not None
    assert (scanned[0].meaning, scanned[1]) == (meaning, role)


def test_the_role_decides_what_plaintext_means() -> None:
    for role, meaning in (
        (Role.SERVER, "not-tls-received"),
        (Role.CLIENT, "plaintext-answer"),
        (None, "first-record-not-tls"),
    ):
        reason = by_number(0x10B, "wrong version number", role)
        assert reason is not None
        assert reason.meaning == meaning


def test_other_libraries_of_openssl_are_not_ssl() -> None:
    assert scan("error:0909006C:PEM routines:get_name:no start line") is None
