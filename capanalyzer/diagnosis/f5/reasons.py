"""The reasons that a BIG-IP gives for a RST: what each means, and what to do first.

Numbers and source lines change with every build, so a reason is known by its text. What tcpdump prints of it is cut
after a few letters: the beginning of one reason, and of no other, is enough.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from capanalyzer.i18n import N_

__all__ = ["REASONS", "Reason", "find_reason"]

MIN_PREFIX: Final = 4
"""Letters of a cut text that may be taken for a reason's beginning."""


class Reason(NamedTuple):
    """Texts are message ids, to be translated; a command stands between backticks, at the end."""

    text: str
    """How it begins, as the BIG-IP writes it."""
    meaning: str
    action: str


REASONS: Final = (
    Reason(
        "No local listener",
        N_(
            "Nothing on the BIG-IP listens on that address and port: the virtual server is disabled or has another "
            "port, or the packets went to one of the BIG-IP's own addresses."
        ),
        N_(
            "Is there a virtual server for this address and port, and is it enabled? "
            "`tmsh list ltm virtual destination`"
        ),
    ),
    Reason(
        "Port denied",
        N_(
            "The destination is one of the BIG-IP's own addresses, and its port lockdown does not allow the port. This "
            "is no firewall's verdict."
        ),
        N_("Was this address meant, or a virtual server's? `tmsh list net self allow-service`"),
    ),
    Reason(
        "No pool member available",
        N_("When a member of the pool was to be chosen, all of them were down or disabled."),
        N_("Which members are down, and what does their monitor say? `tmsh show ltm pool members`"),
    ),
    Reason(
        "No available pool member",
        N_("When a member of the pool was to be chosen, all of them were down or disabled."),
        N_("Which members are down, and what does their monitor say? `tmsh show ltm pool members`"),
    ),
    Reason(
        "No server selected",
        N_("Nothing chose a server: the virtual server has no pool, and neither a policy nor an iRule named one."),
        N_("Who is to choose the server? `tmsh list ltm virtual pool policies rules`"),
    ),
    Reason(
        "No route to host",
        N_("The BIG-IP has no route to the server, or its ARP or neighbour discovery is not answered."),
        N_("Is the pool member reachable? `tmsh show net route lookup ADDRESS`, `tmsh show net arp`"),
    ),
    Reason(
        "Connection limit exceeded",
        N_("A connection limit of the virtual server, node, pool member or profile is reached."),
        N_(
            "Compare the limit, and those of the members, with the current counts. "
            "`tmsh list ltm virtual connection-limit`"
        ),
    ),
    Reason(
        "TCP RST from remote system",
        N_("The system on the other side of the proxy reset its connection, and the BIG-IP passes that on."),
        N_("Look at the connection on the other side: which end reset it there, and what came before."),
    ),
    Reason(
        "No flow found for ACK",
        N_(
            "The segment belongs to no connection that the BIG-IP knows: it was idle for too long, a failover happened "
            "without mirroring, or the path is asymmetric."
        ),
        N_("Compare the idle timeout of the TCP profile with the pause before this segment; look for a failover."),
    ),
    Reason(
        "Flow expired",
        N_("The connection was idle for longer than the idle timeout of its profile, and was swept away."),
        N_("Is the idle timeout shorter than the pauses of the application? `tmsh list ltm profile tcp idle-timeout`"),
    ),
    Reason(
        "TCP retransmit timeout",
        N_("The remote end stopped acknowledging: packets are lost, large ones do not get through, or it is dead."),
        N_("Look for unacknowledged full-size segments before the RST, and test the path with large pings."),
    ),
    Reason(
        "TCP 3WHS rejected",
        N_("The TCP handshake with that side could not be completed or was refused."),
        N_("Look at the SYNs of that side: are they answered, and by what?"),
    ),
    Reason(
        "handshake timeout",
        N_("The handshake did not finish in time."),
        N_("Look at which end was silent before the RST, and for how long."),
    ),
    Reason(
        "SSL handshake timeout exceeded",
        N_("The handshake-timeout of the SSL profile ran out: the other end sent nothing, or half a handshake."),
        N_(
            "Compare the handshake-timeout with the silence before the RST. "
            "`tmsh list ltm profile client-ssl handshake-timeout`"
        ),
    ),
    Reason(
        "Policy action",
        N_("A policy of AFM, PEM or LTM, or a subscriber rule, rejects the connection."),
        N_("Find the policy that matches this client and destination; its log names the rule."),
    ),
    Reason(
        "RST from BIG-IP internal Linux host",
        N_("The BIG-IP's own operating system closed the connection: a daemon, or a monitor. It is mostly noise."),
        N_("Leave it aside, unless the connection is one of a client."),
    ),
    Reason(
        "HA disconnect",
        N_("A failover or a lost mirroring connection ended the connection."),
        N_("When did the device change its state? `tmsh show sys failover`"),
    ),
    Reason(
        "VIP down",
        N_("The virtual server is not available."),
        N_("Why is it down? `tmsh show ltm virtual`"),
    ),
    Reason(
        "VIP disabled",
        N_("The virtual server is disabled."),
        N_("Who disabled it, and should it be enabled? `tmsh list ltm virtual`"),
    ),
    Reason(
        "Closing",
        N_("The proxy takes a connection down while data was still unread. Alone this is no fault."),
        N_("Look at what happened before it on the other side."),
    ),
    Reason(
        "Unable to select local port",
        N_("The ports of the SNAT addresses are exhausted."),
        N_("Add addresses to the SNAT pool."),
    ),
    Reason(
        "iRule execution (reject command)",
        N_("An iRule decided to reject the connection."),
        N_("Which iRule has a reject for this case? `tmsh list ltm virtual rules`"),
    ),
    Reason(
        "iRule",
        N_("An iRule rejected the connection, or failed while it ran."),
        N_("Does an iRule report an error at that time? `grep 01220001 /var/log/ltm`"),
    ),
    Reason(
        "DOS attack signature",
        N_("A DoS profile took the traffic for an attack."),
        N_("Look at the DoS events of that time; is the client's traffic legitimate?"),
    ),
    Reason(
        "TCP zero window timeout",
        N_("The remote end announced a closed window for too long: its application does not read."),
        N_("Look at why that end does not read its data."),
    ),
    Reason(
        "TCP keep-alive timeout",
        N_("The remote end no longer answered keep-alive probes."),
        N_("Look at whether that end, or a firewall before it, has forgotten the connection."),
    ),
    Reason(
        "Out of memory",
        N_("The BIG-IP had no memory for the connection."),
        N_("Is the device under memory pressure? `tmsh show sys memory`"),
    ),
    Reason(
        "License limit exceeded",
        N_("A limit of the licence is reached."),
        N_("Which limits has it? `tmsh show sys license`"),
    ),
    Reason(
        "Internal error",
        N_("The BIG-IP met an error of its own."),
        N_("Look at /var/log/ltm and /var/log/tmm at that time, and keep the number of the reason for support."),
    ),
)


def find_reason(text: str) -> Reason | None:
    """The reason a text names; None for an unknown one, or a cut text that could be several.

    :param text: as a trailer, a payload or a log gives it, without ``{peer}``.
    """
    said = text.casefold()
    whole = [reason for reason in REASONS if said.startswith(reason.text.casefold())]
    if whole:
        return max(whole, key=lambda reason: len(reason.text))
    if len(said) < MIN_PREFIX:
        return None
    cut = [reason for reason in REASONS if reason.text.casefold().startswith(said)]
    return cut[0] if len(cut) == 1 else None
