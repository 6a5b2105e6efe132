"""Names of code points, and the script that makes their tables."""

from __future__ import annotations

import subprocess
import sys

import pytest

from capanalyzer.tls import codepoints
from tests.conftest import PROJECT


@pytest.mark.parametrize(
    ("function", "code", "name"),
    [
        (codepoints.version_name, 0x0002, "SSL 2.0"),
        (codepoints.version_name, 0x0300, "SSL 3.0"),
        (codepoints.version_name, 0x0304, "TLS 1.3"),
        (codepoints.version_name, 0x7F1C, "0x7f1c"),
        (codepoints.version_name, 0xFAFA, "GREASE"),
        (codepoints.cipher_suite_name, 0x1301, "TLS_AES_128_GCM_SHA256"),
        (codepoints.cipher_suite_name, 0x00FF, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
        (codepoints.cipher_suite_name, 0x5600, "TLS_FALLBACK_SCSV"),
        (codepoints.cipher_suite_name, 0xCC13, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD"),
        (codepoints.cipher_suite_name, 0x010080, "SSL_CK_RC4_128_WITH_MD5"),
        (codepoints.cipher_suite_name, 0x0A0A, "GREASE"),
        (codepoints.cipher_suite_name, 0x1234, "0x1234"),
        (codepoints.group_name, 29, "x25519"),
        (codepoints.group_name, 4588, "X25519MLKEM768"),
        (codepoints.extension_name, 0, "server_name"),
        (codepoints.extension_name, 17613, "application_settings"),
        (codepoints.extension_name, 0xFE0D, "encrypted_client_hello"),
        (codepoints.signature_scheme_name, 0x0804, "rsa_pss_rsae_sha256"),
        (codepoints.signature_scheme_name, 0x0302, "dsa_sha224"),
        (codepoints.alert_name, 70, "protocol_version"),
        (codepoints.alert_name, 21, "decryption_failed"),
        (codepoints.alert_name, 123, "unknown(123)"),
        (codepoints.handshake_type_name, 14, "server_hello_done"),
        (codepoints.handshake_name, 14, "ServerHelloDone"),
        (codepoints.handshake_name, 99, "handshake message 99"),
        (codepoints.content_type_name, 23, "application_data"),
        (codepoints.point_format_name, 0, "uncompressed"),
        (codepoints.client_certificate_type_name, 64, "ecdsa_sign"),
        (codepoints.certificate_type_name, 2, "Raw Public Key"),
        (codepoints.compression_name, 1, "DEFLATE"),
        (codepoints.certificate_compression_name, 2, "brotli"),
    ],
)
def test_names(function: object, code: int, name: str) -> None:
    assert function(code) == name  # type: ignore[operator]


def test_tables_are_what_the_script_makes() -> None:
    subprocess.run([sys.executable, PROJECT / "scripts" / "iana.py", "--check"], check=True)


def test_import_loads_no_table() -> None:
    code = (
        "import sys, capanalyzer.tls.codepoints as c; n = c.version_name(0x0304); "
        "print([m for m in sys.modules if m.startswith('capanalyzer.tls.codepoints.')])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=PROJECT)
    assert run.stdout.strip() == "[]"


def test_suites_agree_with_tshark(tshark: str) -> None:
    """Wireshark's own table is the second source: a name may be missing there, never different."""
    run = subprocess.run([tshark, "-G", "values"], check=True, capture_output=True, text=True)
    rows = [line.split("\t") for line in run.stdout.splitlines() if "\ttls.handshake.ciphersuite\t" in line]
    theirs = {int(row[2], 0): row[3] for row in rows if row[0] == "V"}
    assert len(theirs) > 300
    for code, name in theirs.items():
        ours = codepoints.cipher_suite_name(code).removesuffix("_OLD")
        assert ours == name or "GREASE" in name or name == "ssl_31_ciphersuite"
