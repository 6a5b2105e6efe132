"""Any text may be asked about: nothing raises, nothing hangs, nothing of another program is claimed."""

from __future__ import annotations

import re
import re._constants as constants  # type: ignore[import-untyped]
import re._parser as parser  # type: ignore[import-untyped]
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import capanalyzer.logs
from capanalyzer.logs.formats import FORMATS
from capanalyzer.logs.read import read_lines
from capanalyzer.logs.recognise import recognise

from .stored import STORED

WORDS = sorted({needle for one in FORMATS for needle in one.needles})
PIECES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([one.text for one in STORED]),
    st.text(max_size=40),
    st.sampled_from(
        ["error:0A000418:SSL routines::", "SSL alert number 999", "[::1]:99999", "%", "\\x16\\x03", '{"a":', "\0"]
    ),
)


@given(st.lists(PIECES, max_size=6).map(" ".join))
def test_never_raises(text: str) -> None:
    line = recognise(text)
    if line is not None:
        assert len(line.text) <= 2000
        assert line.number == 1


@given(st.sampled_from(STORED), st.data())
def test_damaged_lines_never_raise(stored: Any, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stored.text)))
    skip = data.draw(st.integers(0, 20))
    list(read_lines(enumerate((stored.text[:cut] + stored.text[cut + skip :]).split("\n"), 1)))


@given(st.lists(st.sampled_from([one.text for one in STORED]), max_size=12))
def test_entries_lose_no_failure(texts: list[str]) -> None:
    """However lines are mixed: every address that failed by itself is still there."""
    lines = "\n".join(texts).split("\n")
    together = [line for line in read_lines(enumerate(lines, 1)) if line.is_failure]
    alone = {
        line.client
        for text in texts
        for line in read_lines(enumerate(text.split("\n"), 1))
        if line.is_failure and line.client.port is not None
    }
    assert alone <= {line.client for line in together}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nov 23 02:36:31 host systemd[1]: Started Daily apt upgrade and clean activities.",
        '192.0.2.7 - - [23/Nov/2026:02:36:31 +0000] "GET /ssl/tls-certificate.html HTTP/1.1" 200 5 "-" "curl/7.88.1"',
        '2026/11/23 02:36:31 [error] 1#1: *1 open() "/ssl.html" failed (2: No such file), client: 192.0.2.7',
        "Nov 23 02:36:31 bigip1 notice mcpd[7]: 01070727:5: Pool member monitor status up.",
        "Nov 23 02:36:31 host sshd[1]: Accepted publickey for root from 192.0.2.7 port 51022 ssh2",
        "2026-11-23 02:36:31.123 UTC [7] LOG:  database system is ready to accept connections",
        "Nov 23 02:36:31 mail postfix/smtpd[1]: Anonymous TLS connection established from x[192.0.2.7]: TLSv1.3",
        "java.lang.NullPointerException: null",
        "tls: add a flag to disable session tickets",
        "x509: fix thread-safety of the trust list",
        "2026-11-23 02:36:31.309 WARN - [id: 0x00f04f96, L:/198.51.100.9:8080 - R:/192.0.2.7:53289] slow",
        "java.security.cert.CertificateException of another matter",
        '{"timestamp":"2026-11-23T02:36:31Z","jsonPayload":{"statusDetails":"handled_by_identity_aware_proxy"}}',
        "ERR_NAME_NOT_RESOLVED",
        "curl: (6) Could not resolve host: www.example.test",
        "Error: something else",
        "error:0909006C:PEM routines:get_name:no start line",
        '192.0.2.7:80 [23/Nov/2026:02:36:31.123] web app/srv1 0/0/1/2/3 200 12 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
        "connect() failed (111: Connection refused)",
        '2026-11-23 02:36:31 INFO my-app: user searched for "SSL_ERROR_RX_RECORD_TOO_LONG"',
        '2026-11-23 02:36:31 INFO docs: page "How to fix curl: (60) SSL certificate problem" viewed',
        'INFO wiki: title="remote error: tls: bad certificate" saved',
        '192.0.2.7 - - [23/Nov/2026:02:36:31 +0000] "GET /wiki/SSL_ERROR_RX_RECORD_TOO_LONG HTTP/1.1" 200 5',
        "GET /find?q=SSL_ERROR_RX_RECORD_TOO_LONG",
        "* TLSv1.3 (OUT), TLS alert, close notify (256):",
        "    Verify return code: 0 (ok)",
        "2026-11-23 02:36:31.123 UTC [7] LOG:  SSL error: unexpected eof while reading",
        "build/deploy: Success",
        "ratio 24/0/0/0/0 of disks",
        "2026/0/0/0/0",
        "read:errno=11",
        "fatal: unable to access 'https://x.example.test/': Could not resolve host: x.example.test",
        'I/O error on GET request for "http://x.example.test/": Connection refused',
        '{"event": {"original": {"a": 1}}, "message": 5}',
        "/var/log/ltm:",
        "TLS server: In state hello",
    ],
)
def test_lines_about_other_things_are_left_alone(text: str) -> None:
    assert recognise(text) is None


@pytest.mark.parametrize(
    "text",
    [
        'worker failed: "curl: (60) SSL certificate problem: certificate has expired"',
        'level=error msg="curl: (60) SSL certificate problem: certificate has expired"',
        "ERROR reason 'SSL_ERROR_RX_RECORD_TOO_LONG'",
        'job "nightly" said "download failed: curl: (60) SSL certificate problem: certificate has expired"',
        r'E1123 02:36:31.4 1 pod.go:1] "Error syncing" err="failed to \"Start\" for x: x509: certificate has expired"',
        "Retrying after connection broken by 'SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number')'",
        '{"event":"navigation","shown":"net::ERR_CERT_DATE_INVALID"}',
    ],
)
def test_a_quoted_error_is_an_error_where_it_is_introduced_as_one(text: str) -> None:
    line = recognise(text)
    assert line is not None
    assert line.is_failure


def compiled() -> list[tuple[str, re.Pattern[str]]]:
    """Every pattern of the package's part for logs."""
    found: dict[str, re.Pattern[str]] = {}

    def take(name: str, value: object) -> None:
        if isinstance(value, re.Pattern):
            found.setdefault(f"{name}: {value.pattern}", value)
        elif isinstance(value, tuple | list):
            for one in value:
                take(name, one)

    for name, module in list(sys.modules.items()):
        if name.startswith(f"{capanalyzer.logs.__name__}."):
            for attribute, value in vars(module).items():
                take(f"{name.rpartition('.')[2]}.{attribute}", value)
    return list(found.items())


REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT)


def depth_of(tree: Any) -> int:
    """How many repetitions of more than a few stand within each other."""
    deepest = 0
    for operation, value in tree:
        if operation in REPEATS:
            high = value[1]
            deepest = max(deepest, depth_of(value[2]) + (high is constants.MAXREPEAT or high > 8))
        elif operation is constants.SUBPATTERN:
            deepest = max(deepest, depth_of(value[-1]))
        elif operation is constants.BRANCH:
            deepest = max(deepest, *(depth_of(one) for one in value[1]))
    return deepest


@pytest.mark.parametrize("pattern", [one for _, one in compiled()], ids=[name[:70] for name, _ in compiled()])
def test_no_pattern_repeats_a_repetition(pattern: re.Pattern[str]) -> None:
    """Time would grow with a power of the line's length, or worse."""
    assert depth_of(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "a" * 60_000,
        " " * 60_000,
        "1:" * 30_000,
        '"' * 60_000,
        "[" * 60_000,
        "SSL error: " * 6000,
        "x509: tls: " * 5500,
        "{" * 60_000,
        '{"log":' * 8000,
        "Nov 23 02:36:31 a b: " * 2800,
        "javax.net.ssl.SSLException: " * 2100,
        "EPROTO error:" * 4600,
    ],
    ids=lambda text: text[:12],
)
def test_long_lines_are_bounded(text: str) -> None:
    """Nothing recurses as deep as the text is nested."""
    recognise(text)
