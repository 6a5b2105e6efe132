"""TLS behind binary messages: PostgreSQL, MySQL, LDAP, RDP, SOCKS. Each reader walks its protocol's messages."""

from __future__ import annotations

from typing import Final

from capanalyzer.classify.binary import ber_length
from capanalyzer.classify.databases import PG_GSS, PG_SSL
from capanalyzer.classify.reading import UpgradeReading, conclude, printable

__all__ = ["read_ldap", "read_mysql", "read_postgres", "read_rdp", "read_socks4", "read_socks5"]


def read_postgres(client: bytes, server: bytes) -> UpgradeReading | None:
    """SSLRequest and its answer of one byte, GSSENCRequest before it or not (PostgreSQL, "SSL Session Encryption")."""
    found: UpgradeReading | None = None
    at = 0
    for answered in range(4):  # GSS and SSL, each at most once or twice; an answer is one byte
        code = client[at + 4 : at + 8]
        if client[at : at + 4] != b"\0\0\0\x08" or code not in (PG_SSL, PG_GSS):
            break
        request_at, at = at, at + 8
        answer = server[answered : answered + 1]
        is_ssl = code == PG_SSL
        if not answer:
            return conclude("postgres", client, server, at, answered, request_at=request_at) if is_ssl else found
        if answer == b"E":  # servers before 7.2, or out of connections: an error packet in place of the byte
            text = server[answered + 5 :].split(b"\0M", 1)[-1].split(b"\0", 1)[0]
            refused = conclude(
                "postgres",
                client,
                server,
                at,
                None,
                agreed=False,
                answer=printable(text),
                request_at=request_at,
                answer_at=answered,
            )
            return refused if is_ssl else found
        if is_ssl:
            agreed = answer == b"S"
            found = conclude(
                "postgres",
                client,
                server,
                at,
                answered + 1,
                agreed=agreed,
                answer=printable(answer),
                request_at=request_at,
                answer_at=answered,
            )
            if agreed:
                return found
            found = found._replace(done=len(client) >= at + 8 and client[at + 4 : at + 8] != PG_GSS)
    return found


CLIENT_SSL: Final = 0x0800
"""Capability flag of MySQL's handshake packets."""


def read_mysql(client: bytes, server: bytes) -> UpgradeReading | None:
    """Greeting, then SSLRequest: a handshake response that stops after 32 bytes (MySQL, Protocol::SSLRequest)."""
    offered = _mysql_offers_ssl(server)
    greeting_end = 4 + int.from_bytes(server[:3], "little")
    if len(client) < 36:
        return None
    length = int.from_bytes(client[:3], "little")
    capabilities = int.from_bytes(client[4:6], "little")
    if client[3] != 1 or not capabilities & CLIENT_SSL or length != 32:
        return None
    answer = "" if offered is None else "CLIENT_SSL offered" if offered else "CLIENT_SSL not offered"
    answer_at = None if offered is None else 0
    return conclude(
        "mysql",
        client,
        server,
        4 + length,
        greeting_end if greeting_end <= len(server) else None,
        agreed=offered,
        answer=answer,
        answer_at=answer_at,
    )


def _mysql_offers_ssl(server: bytes) -> bool | None:
    """The capability flags of Protocol::HandshakeV10: version, NUL, thread id (4), data (8), filler (1), flags (2)."""
    if len(server) < 5 or server[4] != 10:
        return None
    end = server.find(b"\0", 5, 5 + 256)
    flags = server[end + 14 : end + 16]
    return None if end < 0 or len(flags) < 2 else bool(int.from_bytes(flags, "little") & CLIENT_SSL)


START_TLS_OID: Final = b"1.3.6.1.4.1.1466.20037"
LDAP_RESULTS: Final = {
    0: "success",
    1: "operationsError",
    2: "protocolError",
    10: "referral",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    80: "other",
}
"""LDAPResult.resultCode, RFC 4511 section 4.1.9: those of a StartTLS answer (RFC 4511 section 4.14.2)."""


def read_ldap(client: bytes, server: bytes) -> UpgradeReading | None:
    """ExtendedRequest named StartTLS, and the ExtendedResponse of its message id (RFC 4511 section 4.14)."""
    for start, end, tag, ident, body in _ldap_messages(client):
        if tag != 0x77 or START_TLS_OID not in body[:64]:
            continue
        for answer_at, answer_end, answer_tag, answer_ident, answer in _ldap_messages(server):
            if answer_tag == 0x78 and answer_ident == ident:
                code = answer[2] if answer[:2] == b"\x0a\x01" and len(answer) > 2 else -1
                return conclude(
                    "ldap",
                    client,
                    server,
                    end,
                    answer_end,
                    agreed=code == 0,
                    answer=f"{code} {LDAP_RESULTS.get(code, '')}".strip(),
                    request_at=start,
                    answer_at=answer_at,
                )
        return conclude("ldap", client, server, end, None, request_at=start)
    return None


def _ldap_messages(data: bytes) -> list[tuple[int, int, int, bytes, bytes]]:
    """(start, end, operation's tag, message id, operation's body) of each complete LDAPMessage, at most 64."""
    messages: list[tuple[int, int, int, bytes, bytes]] = []
    at = 0
    while len(messages) < 64 and data[at : at + 1] == b"\x30":
        length = ber_length(data, at + 1)
        if length is None or length[0] < 0 or length[0] + length[1] > len(data):
            break
        end = length[0] + length[1]
        ident_at = length[1]
        ident_end = ident_at + 2 + data[ident_at + 1] if ident_at + 1 < end else end
        inner = (
            ber_length(data, ident_end + 1) if data[ident_at : ident_at + 1] == b"\x02" and ident_end < end else None
        )
        if inner is None or inner[0] < 0:
            break
        messages.append((at, end, data[ident_end], data[ident_at + 2 : ident_end], data[inner[1] : end]))
        at = end
    return messages


RDP_FAILURES: Final = {
    1: "SSL_REQUIRED_BY_SERVER",
    2: "SSL_NOT_ALLOWED_BY_SERVER",
    3: "SSL_CERT_NOT_ON_SERVER",
    4: "INCONSISTENT_FLAGS",
    5: "HYBRID_REQUIRED_BY_SERVER",
    6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
}
"""[MS-RDPBCGR] 2.2.1.2.2."""
RDP_PROTOCOLS: Final = {
    0: "PROTOCOL_RDP",
    1: "PROTOCOL_SSL",
    2: "PROTOCOL_HYBRID",
    4: "PROTOCOL_RDSTLS",
    8: "PROTOCOL_HYBRID_EX",
    16: "PROTOCOL_RDSAAD",
}
"""[MS-RDPBCGR] 2.2.1.2.1; all but PROTOCOL_RDP begin with TLS."""


def read_rdp(client: bytes, server: bytes) -> UpgradeReading | None:
    """X.224 connection request and confirm with RDP negotiation ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2)."""
    end = _tpkt_end(client)
    if end is None or client[5:6] != b"\xe0":
        return None
    # The negotiation is 8 bytes, behind a cookie or routing token line and before optional correlation info (36 bytes).
    token = client.find(b"\r\n", 11, end)
    at = token + 2 if token >= 0 else 11
    if client[at : at + 1] != b"\x01" or client[at + 2 : at + 4] != b"\x08\x00" or at + 8 > end:
        return None
    if not int.from_bytes(client[at + 4 : at + 8], "little"):
        return None  # standard RDP security: nothing is asked for
    answered = _tpkt_end(server)
    if answered is None:
        return conclude("rdp", client, server, end, None)
    kind, code = server[11:12], int.from_bytes(server[15:19], "little")
    if kind == b"\x02":
        answer, agreed = RDP_PROTOCOLS.get(code, f"protocol {code}"), code != 0
    elif kind == b"\x03":
        answer, agreed = RDP_FAILURES.get(code, f"failure {code}"), False
    else:
        answer, agreed = RDP_PROTOCOLS[0], False  # a server that does not know the negotiation
    reading = conclude("rdp", client, server, end, answered, agreed=agreed, answer=answer, answer_at=0)
    return reading if agreed else reading._replace(done=True)


def _tpkt_end(data: bytes) -> int | None:
    """End of the TPKT packet at the start (RFC 1006 section 6), None when it is not whole or not one."""
    if len(data) < 7 or data[0] != 3:
        return None
    length = data[2] << 8 | data[3]
    return length if 7 <= length <= len(data) else None


SOCKS4_ANSWERS: Final = {
    90: "90 request granted",
    91: "91 request rejected or failed",
    92: "92 no identd on the client",
    93: "93 identd names another user",
}
SOCKS5_ANSWERS: Final = {
    0: "succeeded",
    1: "general SOCKS server failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""RFC 1928 section 6."""


def read_socks4(client: bytes, server: bytes) -> UpgradeReading | None:
    """CONNECT of SOCKS 4 or 4A, and its answer of 8 bytes."""
    end = client.find(b"\0", 8, 8 + 256)
    if client[1:2] != b"\x01" or end < 0:
        return None
    if client[4:7] == b"\0\0\0" and client[7]:  # 4A: the name follows
        end = client.find(b"\0", end + 1, end + 257)
        if end < 0:
            return None
    if len(server) < 8:
        return conclude("socks4", client, server, end + 1, None)
    code = server[1]
    answer = SOCKS4_ANSWERS.get(code, f"{code}")
    reading = conclude("socks4", client, server, end + 1, 8, agreed=code == 90, answer=answer, answer_at=0)
    return reading if code == 90 else reading._replace(done=True)


def read_socks5(client: bytes, server: bytes) -> UpgradeReading | None:
    """Methods, user name and password, CONNECT (RFC 1928, RFC 1929); GSSAPI is not followed."""
    if len(client) < 3 or client[0] != 5:
        return None
    at = 2 + client[1]
    answered = 2
    method = server[1] if len(server) >= 2 else None
    if method == 0xFF:
        refused = "no acceptable methods"
        return UpgradeReading("socks5", True, False, refused, 0, 0, None, None, True)
    if method == 1:
        return None
    if client[at : at + 1] == b"\x01" and method in (None, 2):
        user = client[at + 1] if len(client) > at + 1 else 0
        secret_at = at + 2 + user
        if len(client) <= secret_at:
            return None
        at = secret_at + 1 + client[secret_at]
        if method is not None:
            if len(server) >= 4 and server[3]:
                return UpgradeReading("socks5", True, False, "authentication failed", 0, 2, None, None, True)
            answered = 4
    if client[at : at + 2] != b"\x05\x01":
        return None
    end = _socks5_end(client, at)
    if end is None:
        return None
    code = server[answered + 1] if len(server) > answered + 1 else None
    if code is None:
        return conclude("socks5", client, server, end, None, request_at=at)
    answer = f"{code} {SOCKS5_ANSWERS.get(code, '')}".strip()
    if code:
        return UpgradeReading("socks5", True, False, answer, at, answered, None, None, True)
    server_at = _socks5_end(server, answered)
    return conclude(
        "socks5", client, server, end, server_at, agreed=True, answer=answer, request_at=at, answer_at=answered
    )


def _socks5_end(data: bytes, at: int) -> int | None:
    """End of a request or reply: four bytes, an address by its type, a port."""
    kind = data[at + 3] if len(data) > at + 4 else 0
    sizes = {1: 4, 4: 16, 3: 1 + data[at + 4] if kind == 3 else 0}
    end = at + 6 + sizes[kind] if kind in sizes else None
    return end if end is not None and end <= len(data) else None
