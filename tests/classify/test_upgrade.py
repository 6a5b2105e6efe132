"""TLS behind something else: where it begins, who asked, what was answered."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from capanalyzer.classify.first_bytes import classify_pair
from capanalyzer.classify.reading import UpgradeReading, printable
from capanalyzer.classify.upgrade import is_client_hello, may_upgrade, read_upgrade
from tests.classify.samples import (
    MYSQL_SSL_REQUEST,
    PG_GSS_REQUEST,
    PG_SSL_REQUEST,
    PROXY_V2,
    START_TLS,
    client_hello,
    ldap,
    mysql_greeting,
    prelogin,
    server_hello,
    tds,
    tpkt,
)

HELLO, ANSWER = client_hello(), server_hello()
PROXY_V1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n"
CONNECT = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
NEEDS_LOGIN = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nlogin"
CHUNKED_407 = b"HTTP/1.1 407 Auth\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nlogin\r\n0\r\n\r\n"
EHLO = b"250-mail.example.com\r\n250-STARTTLS\r\n250 SIZE\r\n"
GREETING = b"220 mail.example.com ESMTP\r\n"
XMPP_CLIENT = b"<?xml version='1.0'?><stream:stream to='a' xmlns='jabber:client'><starttls xmlns='urn:xmpp-tls'/>"
XMPP_SERVER = b"<?xml version='1.0'?><stream:stream from='a'><stream:features><starttls/></stream:features>"
LDAP_OK = ldap(1, b"\x78\x07\x0a\x01\x00\x04\x00\x04\x00")
RDP_REQUEST = tpkt(0xE0, b"\x01\x00\x08\x00\x03\x00\x00\x00")
TDS_ASK = tds(0x12, prelogin(1))


class Case(NamedTuple):
    """What both say before TLS; TLS follows where ``tls`` is true."""

    kind: str
    client: bytes
    server: bytes
    answer: str
    agreed: bool | None = True
    tls: bool = True


CASES: dict[str, Case] = {
    "connect": Case("connect", CONNECT, CONNECTED, "200 Connection established"),
    "connect-after-100": Case(
        "connect", CONNECT, b"HTTP/1.1 100 Continue\r\n\r\n" + CONNECTED, "200 Connection established"
    ),
    "connect-bare-newlines": Case("connect", b"CONNECT a:443 HTTP/1.0\n\n", b"HTTP/1.0 200 OK\n\n", "200 OK"),
    "connect-after-407": Case("connect", CONNECT * 2, NEEDS_LOGIN + CONNECTED, "200 Connection established"),
    "connect-after-two-407": Case(
        "connect", CONNECT * 3, CHUNKED_407 + NEEDS_LOGIN + CONNECTED, "200 Connection established"
    ),
    "proxy-v1": Case("proxy-v1", PROXY_V1, b"", "", None),
    "proxy-v1-unknown": Case("proxy-v1", b"PROXY UNKNOWN\r\n", b"", "", None),
    "proxy-v2": Case("proxy-v2", PROXY_V2, b"", "", None),
    "proxy-v2-local": Case("proxy-v2", b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", b"", "", None),
    "proxy-v2-with-tlvs": Case(
        "proxy-v2", PROXY_V2[:15] + b"\x15" + PROXY_V2[16:] + b"\x02\x00\x06a.test", b"", "", None
    ),
    "socks4": Case("socks4", b"\4\1\1\xbb\xc0\0\2\1joe\0", b"\0\x5a" + bytes(6), "90 request granted"),
    "socks4a": Case("socks4", b"\4\1\1\xbb\0\0\0\1\0example.com\0", b"\0\x5a" + bytes(6), "90 request granted"),
    "socks5": Case("socks5", b"\5\1\0" + b"\5\1\0\1\xc0\0\2\1\1\xbb", b"\5\0" + b"\5\0\0\1" + bytes(6), "0 succeeded"),
    "socks5-name-and-password": Case(
        "socks5",
        b"\5\2\0\2" + b"\1\3joe\6secret" + b"\5\1\0\3\x0bexample.com\1\xbb",
        b"\5\2" + b"\1\0" + b"\5\0\0\4" + bytes(18),
        "0 succeeded",
    ),
    "smtp": Case("smtp", b"EHLO a\r\nSTARTTLS\r\n", GREETING + EHLO + b"220 2.0.0 Ready\r\n", "220 2.0.0 Ready"),
    "smtp-lower-case": Case("smtp", b"ehlo a\r\nstarttls\r\n", GREETING + EHLO + b"220 go\r\n", "220 go"),
    "smtp-helo-after-ehlo": Case(
        "smtp", b"EHLO a\r\nHELO a\r\nSTARTTLS\r\n", GREETING + b"502 no\r\n250 hi\r\n220 go\r\n", "220 go"
    ),
    "smtp-second-try": Case(
        "smtp", b"EHLO a\r\nSTARTTLS\r\nSTARTTLS\r\n", GREETING + EHLO + b"454 later\r\n220 go\r\n", "220 go"
    ),
    "smtp-long-greeting": Case(
        "smtp",
        b"EHLO a\r\nSTARTTLS\r\n",
        b"220-a.example ESMTP\r\n220-rules\r\n220 end\r\n" + EHLO + b"220 go\r\n",
        "220 go",
    ),
    "smtp-after-login-dialogue": Case(
        "smtp",
        b"EHLO a\r\nAUTH LOGIN\r\nam9l\r\nSTARTTLS\r\n",
        GREETING + EHLO + b"334 VXNlcg==\r\n535 no\r\n220 go\r\n",
        "220 go",
    ),
    "lmtp": Case("smtp", b"LHLO a\r\nSTARTTLS\r\n", b"220 a.example LMTP\r\n" + EHLO + b"220 go\r\n", "220 go"),
    "imap": Case(
        "imap",
        b"a1 CAPABILITY\r\na2 STARTTLS\r\n",
        b"* OK ready\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n* OK hint\r\na2 OK Begin TLS\r\n",
        "a2 OK Begin TLS",
    ),
    "pop3": Case(
        "pop3", b"CAPA\r\nSTLS\r\n", b"+OK ready\r\n+OK list\r\nUSER\r\nSTLS\r\n.\r\n+OK Begin TLS\r\n", "+OK Begin TLS"
    ),
    "ftp": Case(
        "ftp", b"FEAT\r\nAUTH TLS\r\n", b"220 hi\r\n211-Features\r\n AUTH TLS\r\n211 End\r\n234 go\r\n", "234 go"
    ),
    "ftp-ssl-then-tls": Case("ftp", b"AUTH SSL\r\nAUTH TLS\r\n", b"220 FTP\r\n504 no\r\n234 go\r\n", "234 go"),
    "nntp": Case(
        "nntp",
        b"CAPABILITIES\r\nSTARTTLS\r\n",
        b"200 news\r\n101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n382 go\r\n",
        "382 go",
    ),
    "irc": Case(
        "irc",
        b"STARTTLS\r\n",
        b":irc.a NOTICE * :hello\r\n:irc.a 670 * :STARTTLS successful\r\n",
        ":irc.a 670 * :STARTTLS successful",
    ),
    "sieve": Case(
        "sieve", b"STARTTLS\r\n", b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK "ready"\r\nOK "Begin"\r\n', 'OK "Begin"'
    ),
    "xmpp": Case(
        "xmpp", XMPP_CLIENT, XMPP_SERVER + b"<proceed xmlns='urn:xmpp-tls'/>", "<proceed xmlns='urn:xmpp-tls'/>"
    ),
    "xmpp-long-tags": Case(
        "xmpp", XMPP_CLIENT[:-2] + b"></starttls>", XMPP_SERVER + b"<proceed></proceed>", "<proceed></proceed>"
    ),
    "ldap": Case("ldap", START_TLS, LDAP_OK, "0 success"),
    "ldap-after-a-search": Case(
        "ldap",
        ldap(2, b"\x63\x00") + START_TLS,
        ldap(2, b"\x65\x07\x0a\x01\x00\x04\x00\x04\x00") + LDAP_OK,
        "0 success",
    ),
    "postgres": Case("postgres", PG_SSL_REQUEST, b"S", "S"),
    "postgres-after-gss": Case("postgres", PG_GSS_REQUEST + PG_SSL_REQUEST, b"NS", "S"),
    "mysql": Case("mysql", MYSQL_SSL_REQUEST, mysql_greeting(), "CLIENT_SSL offered"),
    "rdp": Case("rdp", RDP_REQUEST, tpkt(0xD0, b"\x02\x1f\x08\x00\x02\x00\x00\x00"), "PROTOCOL_HYBRID"),
    "rdp-cookie": Case(
        "rdp",
        tpkt(0xE0, b"Cookie: mstshash=joe\r\n\x01\x00\x08\x00\x01\x00\x00\x00"),
        tpkt(0xD0, b"\x02\x00\x08\x00\x01\x00\x00\x00"),
        "PROTOCOL_SSL",
    ),
    "http-upgrade": Case(
        "http-upgrade",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n\r\n",
        "101 Switching Protocols",
    ),
    "smtp-behind-proxy-header": Case(
        "smtp", PROXY_V1 + b"EHLO a\r\nSTARTTLS\r\n", GREETING + EHLO + b"220 go\r\n", "220 go"
    ),
    "postgres-behind-proxy-v2": Case("postgres", PROXY_V2 + PG_SSL_REQUEST, b"S", "S"),
    "imap-inside-connect": Case("imap", CONNECT + b"a STARTTLS\r\n", CONNECTED + b"* OK hi\r\na OK go\r\n", "a OK go"),
    "connect-behind-proxy-header": Case("connect", PROXY_V1 + CONNECT, CONNECTED, "200 Connection established"),
    # Refusals: no TLS follows.
    "connect-403": Case("connect", CONNECT, b"HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden", False, False),
    "connect-407-only": Case("connect", CONNECT, NEEDS_LOGIN, "407 Proxy Authentication Required", False, False),
    "smtp-454": Case(
        "smtp",
        b"EHLO a\r\nSTARTTLS\r\n",
        GREETING + EHLO + b"454 TLS not available\r\n",
        "454 TLS not available",
        False,
        False,
    ),
    "smtp-502": Case("smtp", b"HELO a\r\nSTARTTLS\r\n", GREETING + b"250 hi\r\n502 what\r\n", "502 what", False, False),
    "imap-bad": Case("imap", b"a STARTTLS\r\n", b"* OK hi\r\na BAD no\r\n", "a BAD no", False, False),
    "pop3-err": Case("pop3", b"STLS\r\n", b"+OK hi\r\n-ERR no\r\n", "-ERR no", False, False),
    "ftp-534": Case("ftp", b"AUTH TLS\r\n", b"220 FTP\r\n534 no\r\n", "534 no", False, False),
    "irc-unknown": Case(
        "irc", b"STARTTLS\r\n", b":a 421 * STARTTLS :Unknown\r\n", ":a 421 * STARTTLS :Unknown", False, False
    ),
    "ldap-refused": Case(
        "ldap", START_TLS, ldap(1, b"\x78\x07\x0a\x01\x34\x04\x00\x04\x00"), "52 unavailable", False, False
    ),
    "postgres-n": Case("postgres", PG_SSL_REQUEST, b"N", "N", False, False),
    "mysql-not-offered": Case(
        "mysql", MYSQL_SSL_REQUEST, mysql_greeting(0xF7FF), "CLIENT_SSL not offered", False, False
    ),
    "rdp-refused": Case(
        "rdp", RDP_REQUEST, tpkt(0xD0, b"\x03\x00\x08\x00\x05\x00\x00\x00"), "HYBRID_REQUIRED_BY_SERVER", False, False
    ),
    "rdp-standard-security": Case(
        "rdp", RDP_REQUEST, tpkt(0xD0, b"\x02\x00\x08\x00\x00\x00\x00\x00"), "PROTOCOL_RDP", False, False
    ),
    "socks4-refused": Case(
        "socks4", b"\4\1\1\xbb\xc0\0\2\1\0", b"\0\x5b" + bytes(6), "91 request rejected or failed", False, False
    ),
    "socks5-refused": Case(
        "socks5",
        b"\5\1\0" + b"\5\1\0\1\xc0\0\2\1\1\xbb",
        b"\5\0" + b"\5\5\0\1" + bytes(6),
        "5 connection refused",
        False,
        False,
    ),
    "socks5-no-method": Case("socks5", b"\5\1\0", b"\5\xff", "no acceptable methods", False, False),
    "socks5-wrong-password": Case(
        "socks5",
        b"\5\1\2" + b"\1\1a\1b" + b"\5\1\0\1\xc0\0\2\1\1\xbb",
        b"\5\2\1\1",
        "authentication failed",
        False,
        False,
    ),
    "tds-not-supported": Case("tds", TDS_ASK, tds(0x04, prelogin(2)), "ENCRYPT_NOT_SUP", False, False),
}

AGREED = {name: case for name, case in CASES.items() if case.tls}
REFUSED = {name: case for name, case in CASES.items() if not case.tls}
DIALOGUES = [(case.client + HELLO * case.tls, case.server + ANSWER * case.tls) for case in CASES.values()]


def read(client: bytes, server: bytes) -> UpgradeReading:
    reading = read_upgrade(client, server)
    assert reading is not None
    return reading


@pytest.mark.parametrize("case", AGREED.values(), ids=AGREED)
def test_tls_is_found_behind_the_upgrade(case: Case) -> None:
    reading = read(case.client + HELLO, case.server + ANSWER)
    assert (reading.kind, reading.asked, reading.agreed, reading.answer) == (case.kind, True, case.agreed, case.answer)
    assert (reading.client_tls_at, reading.server_tls_at) == (len(case.client), len(case.server))
    assert reading.done


@pytest.mark.parametrize("case", AGREED.values(), ids=AGREED)
def test_an_agreed_upgrade_tells_where_tls_will_begin(case: Case) -> None:
    """Before any TLS byte came: the offsets are known where the answer agreed."""
    reading = read(case.client, case.server)
    assert not reading.done
    if case.agreed:
        assert (reading.client_tls_at, reading.server_tls_at) == (len(case.client), len(case.server))
    else:
        assert reading.client_tls_at is None


@pytest.mark.parametrize("case", AGREED.values(), ids=AGREED)
def test_byte_by_byte_tls_is_never_placed_wrongly(case: Case) -> None:
    """However little of either side is there, an offset that is given is the right one."""
    client, server = case.client + HELLO[:12], case.server + ANSWER[:12]
    pairs = [(size, len(server)) for size in range(len(client))] + [(len(client), size) for size in range(len(server))]
    for ours, theirs in pairs:
        reading = read_upgrade(client[:ours], server[:theirs])
        if reading is None or (reading.kind != case.kind and not reading.client_tls_at):
            continue
        if reading.kind == case.kind:
            assert reading.client_tls_at in (None, len(case.client)), (ours, theirs)
        if ours > len(case.client) or theirs > len(case.server):
            assert reading.server_tls_at in (None, len(case.server)), (ours, theirs)


@pytest.mark.parametrize("case", AGREED.values(), ids=AGREED)
def test_one_captured_side_is_enough(case: Case) -> None:
    """Only the client was captured: its TLS begins at the same place."""
    dependent = {"smtp-second-try", "socks5-name-and-password", "imap-inside-connect"}
    reading = read_upgrade(case.client + HELLO, b"")
    if reading is None or case in (CASES[name] for name in dependent):
        return
    assert reading.client_tls_at in (None, len(case.client))
    if case.kind not in ("connect", "postgres", "ftp"):
        assert reading.client_tls_at == len(case.client)
    assert reading.agreed is None


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_told_with_its_words(case: Case) -> None:
    reading = read(case.client, case.server)
    assert (reading.kind, reading.asked, reading.agreed, reading.answer) == (case.kind, True, False, case.answer)
    assert (reading.client_tls_at, reading.server_tls_at) == (None, None)


@pytest.mark.parametrize(
    ("client", "server"),
    [
        pytest.param(HELLO, ANSWER, id="tls-from-the-start"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", id="http"),
        pytest.param(b"EHLO a\r\nMAIL FROM:<a@b>\r\n", GREETING + EHLO + b"250 ok\r\n", id="smtp-without"),
        pytest.param(b"EHLO a\r\nMAIL FROM:<>\r\n", GREETING + b"250 a\r\n250 ok\r\n", id="smtp-goes-on-without-offer"),
        pytest.param(b"", GREETING, id="only-a-greeting"),
        pytest.param(b"USER joe\r\nPASS x\r\n", b"220 FTP\r\n331 more\r\n230 in\r\n", id="ftp-without"),
        pytest.param(b"\x55" * 64, b"\x66" * 64, id="unknown"),
        pytest.param(tds(0x12, prelogin(2)), tds(0x04, prelogin(2)), id="tds-not-wanted"),
        pytest.param(tpkt(0xE0, b"\x01\x00\x08\x00\x00\x00\x00\x00"), b"", id="rdp-standard-security"),
        pytest.param(ldap(1, b"\x60\x07\x02\x01\x03\x04\x00\x80\x00"), b"", id="ldap-bind"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_no_upgrade_in_sight(client: bytes, server: bytes) -> None:
    assert read_upgrade(client, server) is None


def test_starttls_not_offered() -> None:
    """The client said EHLO, read the list and left: asked is false, and the answer says why."""
    for tail in (b"", b"QUIT\r\n"):
        reading = read(b"EHLO a\r\n" + tail, GREETING + b"250-a\r\n250 SIZE\r\n")
        assert (reading.kind, reading.asked, reading.agreed, reading.answer) == (
            "smtp",
            False,
            False,
            "STARTTLS not offered",
        )


@pytest.mark.parametrize("case", AGREED.values(), ids=AGREED)
def test_until_an_upgrade_is_read_it_is_awaited(case: Case) -> None:
    """Nobody who stops at "cannot come any more" misses one: at each cut of the client there is a reading or hope."""
    for size in range(len(case.client)):
        client = case.client[:size]
        if read_upgrade(client, case.server) is None:
            assert may_upgrade(client, classify_pair(client, case.server, False, False)), size


@pytest.mark.parametrize(
    ("client", "server", "expected"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", False, id="http"),
        pytest.param(HELLO, b"", False, id="tls"),
        pytest.param(b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n", False, id="ssh"),
        pytest.param(b"\0\0\0\x29\0\3\0\0user\0" + b"a" * 2000, b"R\0\0\0\x08\0\0\0\0", False, id="database-without"),
        pytest.param(b"EHLO a\r\nMAIL FROM:<>\r\n", GREETING, True, id="mail"),
        pytest.param(b"", GREETING, True, id="greeting"),
    ],
)
def test_when_no_upgrade_can_come_any_more(client: bytes, server: bytes, expected: bool) -> None:
    assert may_upgrade(client, classify_pair(client, server, True, True)) is expected


def test_tls_without_asking() -> None:
    """EHLO, then a ClientHello: nobody asked, and the server answers in plaintext."""
    reading = read(b"EHLO a\r\n" + HELLO, GREETING + EHLO + b"500 what\r\n")
    assert (reading.asked, reading.agreed, reading.client_tls_at, reading.server_tls_at) == (False, None, 8, None)


def test_tls_in_spite_of_a_refusal() -> None:
    reading = read(b"EHLO a\r\nSTARTTLS\r\n" + HELLO, GREETING + EHLO + b"454 no\r\n")
    assert (reading.agreed, reading.client_tls_at, reading.server_tls_at) == (False, 18, None)


def test_plaintext_inside_a_tunnel_is_no_tls() -> None:
    reading = read(CONNECT + b"GET / HTTP/1.1\r\n\r\n", CONNECTED + b"HTTP/1.1 200 OK\r\n\r\n")
    assert (reading.kind, reading.agreed, reading.client_tls_at, reading.server_tls_at) == ("connect", True, None, None)


def test_a_proxy_header_before_plaintext() -> None:
    reading = read(PROXY_V1 + b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    assert (reading.kind, reading.client_tls_at, reading.server_tls_at) == ("proxy-v1", None, None)


def test_a_refused_proxy_header_keeps_the_clients_tls() -> None:
    """The server answers the header with a page: only the client's TLS has a place."""
    reading = read(PROXY_V1 + HELLO, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert (reading.client_tls_at, reading.server_tls_at) == (len(PROXY_V1), None)


def test_a_hello_in_the_middle_needs_a_segment_that_begins_with_it() -> None:
    client = b"\xde\xad\xbe\xef" * 8 + HELLO
    assert read_upgrade(client, b"") is None
    assert read_upgrade(client, b"", [0, 31]) is None
    reading = read_upgrade(client, b"junk" + ANSWER, [0, 32])
    assert reading is not None
    assert (reading.kind, reading.asked, reading.client_tls_at, reading.server_tls_at) == ("other", False, 32, 4)


def test_a_second_hello_is_no_upgrade() -> None:
    """After a HelloRetryRequest the client sends another ClientHello at a segment's start."""
    assert read_upgrade(HELLO + HELLO, ANSWER, [0, len(HELLO)]) is None


def test_only_the_server_was_captured() -> None:
    reading = read(b"", GREETING + EHLO + b"220 go\r\n" + ANSWER)
    at = len(GREETING + EHLO + b"220 go\r\n")
    assert (reading.kind, reading.agreed, reading.client_tls_at, reading.server_tls_at) == ("smtp", True, None, at)
    assert read(b"", CONNECTED + ANSWER).kind == "connect"
    assert read_upgrade(b"", ANSWER) is None


def test_a_strict_client_hello() -> None:
    assert is_client_hello(HELLO, 0)
    assert is_client_hello(b"x" + HELLO, 1)
    assert not is_client_hello(ANSWER, 0)
    for at, value in ((0, 23), (1, 2), (2, 5), (3, 0x50), (5, 2), (6, 2), (9, 4), (43, 33), (45, 3)):
        changed = HELLO[:at] + bytes((value,)) + HELLO[at + 1 :]
        assert not is_client_hello(changed, 0), at


def test_answers_are_safe_to_print() -> None:
    assert printable(b"454 \x1b[31mred\x07 \xc3\xa9 \xff\r\n") == "454 ?[31mred? \xe9 \ufffd"
    assert len(printable(b"x" * 5000)) == 200
    reading = read(b"EHLO a\r\nSTARTTLS\r\n", GREETING + EHLO + b"454 \x7f" + b"z" * 900 + b"\r\n")
    assert reading.answer == "454 ?" + "z" * 195
