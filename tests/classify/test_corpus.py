"""First bytes and upgrades of real captures, against what tshark says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capanalyzer.classify.first_bytes import classify_pair
from capanalyzer.classify.upgrade import is_client_hello, read_upgrade
from tests.classify.reassembly import read_streams

NOT_TLS_FOR_TSHARK = {
    ("ja4-tls3.pcapng", 0): "application data records from the middle of a connection; tshark names no protocol",
    ("ndpi-anydesk.pcapng", 0): "likewise",
    (
        "mercury-new-stats-telemetry-test.pcap",
        0,
    ): "a ServerHello in a record that goes on behind the capture's end",
    ("ndpi-alexa-app.pcapng", 70): "an alert with version 0 in answer to the client's FIN; tshark wants a version",
}
NOT_TLS_FOR_US = {
    ("flowtest-ssl-v2.pcap", 0): "SSLv2 on both sides, which tshark counts as TLS: named sslv2",
    ("zeek-tls-ssl-v2.pcap", 0): "likewise",
}

KINDS = {
    "arkime-mysql-tls.pcap": "mysql",
    "ja4-socks-https-example.pcap": "socks",
    "ja4-socks4-https.pcap": "socks4",
    "mercury-imap2.pcap": "imap",
    "ndpi-haproxy.pcap": "proxy-v1",
    "ndpi-mysql.pcapng": "mysql",
    "ndpi-pgsql2.pcapng": "postgres",
    "ndpi-rdp.pcap": "rdp",
    "ndpi-tls_heur__shadowsocks-tcp.pcapng": "socks5",
    "ndpi-tls_heur__vmess-tcp-tls.pcapng": "socks5",
    "ndpi-tls_heur__vmess-tcp.pcapng": "socks5",
    "suricata-app-layer-protocol-negated-unknown-shortcircuit.pcap": "other",
    "suricata-bug-2430-backwards.pcap": "connect",
    "suricata-bug-2769-issue_no_icmp.pcap": "connect",
    "zeek-ftp-auth-tls.pcap": "ftp",
    "zeek-ldap-starttls.pcap": "ldap",
    "zeek-mysql-encrypted.pcap": "mysql",
    "zeek-mysql-tls-12-amazon-rds.pcap": "mysql",
    "zeek-mysql-tls-13-amazon-rds.pcap": "mysql",
    "zeek-postgresql-psql-aws-ssl-preferred.pcap": "postgres",
    "zeek-postgresql-psql-aws-ssl-require-15432.pcap": "postgres",
    "zeek-postgresql-psql-aws-ssl-require.pcap": "postgres",
    "zeek-rdp-no-cookie-mstshash.pcap": "rdp",
    "zeek-tls-xmpp-starttls.pcap": "xmpp",
}
"""What TLS stands behind in each capture where tshark finds it behind something."""
NO_HELLO = {
    "ndpi-443-opvn.pcap": "OpenVPN: TLS is in pieces inside its packets, not behind something",
    "ndpi-openvpn.pcap": "likewise",
    "ndpi-openvpn_nohmac_tcp.pcapng": "likewise",
    "suricata-http-connect-tls.pcap": "16 03 00 and zeros behind an empty line: tshark's dissector, but no record",
}


@pytest.fixture(scope="module")
def sessions(corpus: Path) -> list[dict[str, Any]]:
    """Facts of the TCP sessions that count."""
    lines = (json.loads(line) for line in (corpus / "facts.jsonl").read_text("utf-8").splitlines())
    return [
        line for line in lines if line["kind"] == "session" and line["transport"] == "tcp" and not line.get("left_out")
    ]


def first_bytes(session: dict[str, Any]) -> tuple[bytes, bytes]:
    given = session["first_bytes"]
    return bytes.fromhex(given["client"] or ""), bytes.fromhex(given["server"] or "")


def test_tls_is_where_tshark_sees_it(sessions: list[dict[str, Any]]) -> None:
    """16 bytes of each direction suffice; every difference is explained above."""
    extra: set[tuple[str, int]] = set()
    missing: set[tuple[str, int]] = set()
    counted = 0
    for session in sessions:
        client, server = first_bytes(session)
        if session.get("starttls") or not (client or server):
            continue
        counted += 1
        found = "tls" in classify_pair(client, server, True, True, session["server"]["port"])
        if found != (session["tls"] is not None):
            (extra if found else missing).add((session["file"], session["stream"]))
    assert counted > 1000
    assert extra == set(NOT_TLS_FOR_TSHARK)
    assert missing == set(NOT_TLS_FOR_US)


OURS = {
    "bittorrent": {"bittorrent"},
    "dns": {"dns"},
    "ftp": {"ftp", "telnet"},  # ABOR is sent behind telnet's IAC (RFC 959 section 4.1.3)
    "http": {"http", "http-response", "http2", "irc"},  # tshark goes by port 80
    "imap": {"imap"},
    "irc": {"irc"},
    "kafka": {"kafka"},
    "kerberos": {"kerberos"},
    "ldap": {"ldap"},
    "mqtt": {"mqtt"},
    "mysql": {"mysql", "proxy-v1"},
    "pgsql": {"postgres"},
    "pop": {"pop3"},
    "rdp": {"rdp"},
    "rtsp": {"rtsp", "http"},  # tunnelled in HTTP
    "sip": {"sip"},
    "smb": {"smb"},
    "smb2": {"smb"},
    "smtp": {"smtp", "socks5"},
    "socks": {"socks4", "socks5", "http", "http-response"},  # tshark goes by port 1080
    "ssh": {"ssh", "http", "http-response"},  # tshark goes by port 22
    "stun": {"stun"},
    "telnet": {"telnet"},
    "vnc": {"vnc"},
}
"""What streams of one of tshark's protocols may be called, besides unknown (they may start anywhere)."""


def test_names_do_not_contradict_tshark(sessions: list[dict[str, Any]]) -> None:
    counted = 0
    for session in sessions:
        named = set(session.get("tshark_protocols") or ())
        expected = [OURS[name] for name in named if name in OURS]
        if len(named) != 1 or not expected:
            continue
        client, server = first_bytes(session)
        found = set(classify_pair(client, server, True, True, session["server"]["port"])) - {None, "unknown"}
        assert found <= expected[0], (session["file"], session["stream"], named, found)
        counted += bool(found)
    assert counted > 200


def test_every_upgrade_of_the_corpus_is_followed(corpus: Path, sessions: list[dict[str, Any]]) -> None:
    """Where tshark finds TLS behind something, both hellos stand at the offsets given."""
    files = sorted({session["file"] for session in sessions if session.get("starttls")})
    assert set(files) <= set(KINDS) | set(NO_HELLO)
    for name in files:
        begins = [
            first_bytes(session)[0] for session in sessions if session["file"] == name and session.get("starttls")
        ]
        seen = 0
        for stream in read_streams(corpus / "captures" / name):
            (client, cuts), (server, _) = stream.data(0), stream.data(1)
            if client[:16] not in begins:
                continue
            seen += 1
            reading = read_upgrade(client, server, cuts)
            if name in NO_HELLO:
                assert reading is None or reading.client_tls_at is None, name
                continue
            assert reading is not None, name
            assert reading.kind.startswith(KINDS[name]), (name, reading)
            assert reading.client_tls_at is not None, (name, reading)
            if len(client) >= reading.client_tls_at + 44:
                assert is_client_hello(client, reading.client_tls_at), (name, reading)
            if reading.server_tls_at is not None and len(server) > reading.server_tls_at + 5:
                assert server[reading.server_tls_at : reading.server_tls_at + 2] == b"\x16\x03", (name, reading)
                assert server[reading.server_tls_at + 5] == 2, (name, reading)
        assert seen, name


def test_plain_streams_have_no_tls_behind_them(corpus: Path, sessions: list[dict[str, Any]]) -> None:
    """Captures without TLS, the small ones: no offset is given in any of their streams."""
    with_tls = {session["file"] for session in sessions if session["tls"] or "tls" in session.get("unsure", ())}
    plain = sorted({session["file"] for session in sessions} - with_tls)
    looked = 0
    for name in plain:
        path = corpus / "captures" / name
        if path.suffix not in (".pcap", ".pcapng", ".cap") or path.stat().st_size > 100_000:
            continue
        try:
            streams = read_streams(path)
        except Exception:  # noqa: BLE001  dpkt raises many things on odd containers: not this test's subject
            continue
        for stream in streams:
            (client, cuts), (server, _) = stream.data(0), stream.data(1)
            reading = read_upgrade(client, server, cuts)
            looked += 1
            if reading is not None and not reading.agreed:
                assert (reading.client_tls_at, reading.server_tls_at) == (None, None), (name, reading)
    assert looked > 100
