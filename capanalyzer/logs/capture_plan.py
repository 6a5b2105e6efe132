"""The capture that would show what a log line tells of: commands with the line's own addresses, ready to be pasted."""

from __future__ import annotations

from capanalyzer.logs.line import LogLine, Peer

__all__ = ["capture_commands", "capture_filter"]


def capture_filter(client: Peer, server: Peer) -> str:
    """As tcpdump takes it. The client's port is left out: the next attempt has another one."""
    parts = [f"host {end.ip}" for end in (client, server) if end.ip is not None]
    if server.port:
        parts.append(f"tcp port {server.port}")
    elif not parts:
        parts.append("tcp port 443")
    else:
        parts.append("tcp")
    return " and ".join(parts)


def capture_commands(line: LogLine | None, client: Peer, server: Peer) -> tuple[str, str]:
    """(tcpdump's, ours).

    :param line: tells the program; F5 has interfaces, options and a folder of its own.
    """
    if line is not None and line.format == "f5-ltm":
        # 0.0: every VLAN; nnn: the trailer with its details; p: the other side of the proxied connection too.
        hosts = " and ".join(f"host {end.ip}" for end in (client, server) if end.ip is not None)
        path = "/var/tmp/x.pcap"  # noqa: S108 - on the BIG-IP, where its own documents put captures
        return f"tcpdump -nni 0.0:nnnp -s0 -w {path} {hosts or 'port 443'}", "capanalyzer analyze x.pcap --log FILE"
    wanted = capture_filter(client, server)
    return f"tcpdump -nni any -s0 -w x.pcap '{wanted}'", "capanalyzer analyze x.pcap --log FILE"
