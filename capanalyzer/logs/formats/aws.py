"""Load balancers of AWS: ALB connection and access logs, NLB TLS logs, the classic ELB, CloudFront's connection logs.

Fields are separated by spaces and new ones are added at the end, so reading stops at the last one that is known.
"""

from __future__ import annotations

import re
from typing import Any, Final

from capanalyzer.logs.alerts import received
from capanalyzer.logs.body import Body
from capanalyzer.logs.ends import endpoint, peer
from capanalyzer.logs.found import Format, Found, found
from capanalyzer.logs.line import Peer, Role, Said, TimeOf
from capanalyzer.logs.stamps import Stamp, iso

__all__ = ["ALB", "CLASSIC", "CLOUDFRONT", "NLB"]

_CONNECTION: Final = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\dT[\d:.]{8,16}Z) (?P<ip>[0-9A-Fa-f:.]{2,45}) (?P<port>\d{1,5}) (?P<listener>\d{1,5}) "
    r"(?P<protocol>\S{1,12}) (?P<cipher>\S{1,64}) (?P<latency>[\d.]{1,16}|-) (?:\"[^\"]{0,1024}\"|-) "
    r"(?P<validity>\S{1,120}) "
    r"(?P<serial>\S{1,64}) (?P<status>Success|Failed:\w{1,60}|-)(?= |$)"
)
_ACCESS: Final = re.compile(
    r"(?P<type>https|h2|grpcs|wss) (?P<stamp>\d{4}-\d\d-\d\dT[\d:.]{8,16}Z) (?P<elb>\S{3,200}) "
    r"(?P<client>\S{2,60}:\d{1,5}) "
    r"(?P<target>\S{1,60}) \S{1,12} \S{1,12} \S{1,12} (?P<status>\d{3}|-) (?P<behind>\d{3}|-) \d{1,20} \d{1,20} "
    r"\"(?P<request>[^\"]{0,16384})\" \"[^\"]{0,8192}\" (?P<cipher>\S{1,64}) (?P<protocol>\S{1,12}) \S{1,300} "
    r"\"[^\"]{0,200}\"(?: \"(?P<name>[^\"\s]{1,255})\")?"
)
_NLB: Final = re.compile(
    r"tls \d\.\d (?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d) (?P<elb>\S{3,200}) (?P<listener>\S{1,64}) "
    r"(?P<client>\S{2,60}:\d{1,5}) "
    r"(?P<server>\S{2,60}:\d{1,5}) (?P<connected>\d{1,12}|-) (?P<handshake>\d{1,12}|-) (?P<in>\d{1,20}) "
    r"(?P<out>\d{1,20}) "
    r"(?P<alert>\d{1,3}|-) (?P<arn>\S{1,300}) (?P<serial>\S{1,64}) (?P<cipher>\S{1,64}) (?P<protocol>\S{1,12}) "
    r"(?P<group>\S{1,40}) "
    r"(?P<name>\S{1,255})(?: (?P<rest>.{0,4096}))?"
)
_CLASSIC: Final = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\dT[\d:.]{8,16}Z) (?P<elb>[A-Za-z0-9-]{1,64}) (?P<client>\S{2,60}:\d{1,5}) "
    r"(?P<backend>\S{1,60}) "
    r"(?P<t1>-?[\d.]{1,12}) (?P<t2>-?[\d.]{1,12}) (?P<t3>-?[\d.]{1,12}) (?P<status>\d{3}|-) (?P<behind>\d{3}|-) "
    r"\d{1,20} \d{1,20} "
    r"\"(?P<request>[^\"]{0,16384})\" \"[^\"]{0,8192}\" (?P<cipher>\S{1,64}) (?P<protocol>\S{1,12})"
)
_FAILED: Final = re.compile(r"Failed:(?P<code>ClientCert\w{1,40}|Tcp\w{1,20}|UnmappedConnectionError)")

_CODES: Final = {
    "ClientCertMissing": ("client-certificate-missing", Said.LOCAL),
    "UnmappedConnectionError": ("alb-unmapped", Said.LOCAL),
    "TcpError": ("peer-reset", Said.TRANSPORT),
    "TcpTimeout": ("handshake-timeout", Said.TRANSPORT),
}
"""Of ``tls_verify_status``; all others are reasons for which a client certificate is refused."""


def _connection(body: Body) -> Found | None:
    if (match := _CONNECTION.match(body.text)) is None:
        return _access(body)
    client, server = peer(match["ip"], match["port"]), Peer(None, int(match["listener"]))
    stamp, status = iso(match["stamp"]), match["status"]
    if status.startswith("Failed:"):
        code = status.removeprefix("Failed:")
        meaning, said = _CODES.get(code, ("client-certificate-refused", Said.LOCAL))
        return found(
            body,
            "aws-alb",
            meaning,
            stamp=stamp,
            reason=status,
            client=client,
            server=server,
            role=Role.SERVER,
            said=said,
        )
    meaning = "not-completed" if match["latency"] == "-" else "handshake-ok"
    return found(body, "aws-alb", meaning, stamp=stamp, client=client, server=server, role=Role.SERVER)


def _access(body: Body) -> Found | None:
    if (match := _ACCESS.match(body.text)) is None:
        return None
    return found(
        body,
        "aws-alb",
        "handshake-ok",
        stamp=iso(match["stamp"]),
        client=endpoint(match["client"]),
        role=Role.SERVER,
        sni=match["name"],
        time_of=TimeOf.END,
    )


def _nlb(body: Body) -> Found | None:
    if (match := _NLB.match(body.text)) is None:
        return None
    alert = int(match["alert"]) if match["alert"] != "-" else None
    meaning, said, reason = "handshake-ok", None, ""
    if alert not in (None, 0):  # a close_notify after a session is its ordinary end
        assert alert is not None
        meaning, said, reason = received(alert, Role.SERVER), Said.PEER, f"incoming_tls_alert {alert}"
    elif match["handshake"] == "-":
        meaning = "not-completed"
    name = match["name"] if match["name"] != "-" else None
    # The time is UTC by the manual, though the line does not say so.
    stamp = iso(match["stamp"] + "Z")
    return found(
        body,
        "aws-nlb",
        meaning,
        stamp=stamp,
        reason=reason,
        client=endpoint(match["client"]),
        server=endpoint(match["server"]),
        role=Role.SERVER,
        said=said,
        alert=alert if said is Said.PEER else None,
        sni=name,
        time_of=TimeOf.END,
    )


def _classic(body: Body) -> Found | None:
    if (match := _CLASSIC.match(body.text)) is None:
        return None
    if match["cipher"] != "-":
        meaning = "handshake-ok"
    elif match["backend"] == "-" and match["request"].strip("- ") == "" and match["t1"] == "-1":
        meaning = "not-completed"
    else:
        return None  # an access by plain HTTP
    return found(
        body,
        "aws-elb",
        meaning,
        stamp=iso(match["stamp"]),
        client=endpoint(match["client"]),
        role=Role.SERVER,
        time_of=TimeOf.END,
    )


def _cloudfront(body: Body) -> Found | None:
    given = body.json or {}
    if (match := _FAILED.fullmatch(_value(given, "connectionStatus"))) is None:
        return None
    meaning, said = _CODES.get(match["code"], ("client-certificate-refused", Said.LOCAL))
    ip, port = _value(given, "clientIp", "client_ip", "c-ip"), _value(given, "clientPort", "client_port", "c-port")
    client = peer(ip, port or None) if ip else None
    stamp: Stamp | None = body.stamp or iso(_value(given, "eventTimestamp", "timestamp", "date"))
    return found(
        body,
        "aws-cloudfront",
        meaning,
        stamp=stamp,
        reason=match[0],
        client=client,
        role=Role.SERVER,
        said=said,
        sni=_value(given, "sni", "tlsSni", "x-sni") or None,
    )


def _value(given: dict[str, Any], *names: str) -> str:
    for name in names:
        value = given.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return ""


ALB: Final = Format("aws-alb", (" success", " failed:", " - - ", " app/"), _connection)
NLB: Final = Format("aws-nlb", ("tls 1.", "tls 2."), _nlb)
CLASSIC: Final = Format("aws-elb", (" tlsv1", " sslv3", " -1 -1 -1 "), _classic)
CLOUDFRONT: Final = Format("aws-cloudfront", ("connectionstatus",), _cloudfront)
