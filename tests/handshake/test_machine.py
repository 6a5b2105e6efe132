"""The machine: what messages are, and where they lead."""

from __future__ import annotations

import random

import pytest

from capanalyzer.handshake.machine import MAX_UNEXPECTED, Handshake, causal_order, read_choice, walk
from capanalyzer.handshake.side import Side
from capanalyzer.handshake.states import DONE, TRANSITIONS, Saw, State
from capanalyzer.handshake.tls_facts import TlsFacts
from tests.handshake.messages import C, S, Script, client_hello_body, server_hello_body

KINDS = {
    Saw.CLIENT_HELLO: 1,
    Saw.HELLO_REQUEST: 0,
    Saw.CERTIFICATE: 11,
    Saw.CERTIFICATE_STATUS: 22,
    Saw.SERVER_KEY_EXCHANGE: 12,
    Saw.CERTIFICATE_REQUEST: 13,
    Saw.SERVER_HELLO_DONE: 14,
    Saw.CLIENT_KEY_EXCHANGE: 16,
    Saw.CERTIFICATE_VERIFY: 15,
    Saw.NEW_SESSION_TICKET: 4,
    Saw.SUPPLEMENTAL_DATA: 23,
    Saw.OTHER: 99,
}
SIZES_13 = {Saw.SHORT_CIPHERTEXT: 19, Saw.FINISHED_SIZED: 53, Saw.CIPHERTEXT: 400}


def hello(script: Script | None = None) -> Script:
    return (script or Script()).hs(C, 1, client_hello_body())


def full_12(script: Script | None = None) -> Script:
    script = hello(script).hello()
    for kind in (11, 12, 14):
        script.hs(S, kind)
    return script


def shown(side: Side, saw: Saw) -> Script:
    """One message that is this step."""
    script = Script()
    if saw in KINDS:
        return script.hs(side, KINDS[saw])
    if saw is Saw.SERVER_HELLO_12:
        return script.hs(side, 2, server_hello_body())
    if saw is Saw.SERVER_HELLO_13:
        return script.hs(side, 2, server_hello_body(0x0304, 0x1301))
    if saw is Saw.HELLO_RETRY_REQUEST:
        return script.hs(side, 2, server_hello_body(0x0304, 0x1301, retry=True))
    if saw is Saw.ENCRYPTED_HANDSHAKE:
        return script.fin12(side)
    return script.data(side, SIZES_13.get(saw, 100))


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("saw", list(Saw))
@pytest.mark.parametrize("side", list(Side))
def test_every_pair(state: State, side: Side, saw: Saw) -> None:
    """Every step in every state goes where the table says, or is kept as out of place."""
    handshake = Handshake()
    handshake.state = state
    handshake.is_13 = saw in SIZES_13
    if state in DONE:
        handshake.done_ns = 1
    if saw is Saw.SERVER_HELLO_12 and handshake.version is None:
        handshake.is_13 = False
    (message,) = shown(side, saw).messages
    if saw in SIZES_13 and state in DONE:
        # After the end sizes matter no more, but for an alert's.
        saw = saw if saw is Saw.SHORT_CIPHERTEXT else Saw.CIPHERTEXT
    if state is State.AWAIT_SERVER_FLIGHT and side is Side.SERVER and saw is Saw.FINISHED_SIZED:
        saw = Saw.CIPHERTEXT  # the first record of the flight is no Finished
    handshake.see(message)
    target = TRANSITIONS[state].get((side, saw))
    if target is None:
        assert handshake.state is state
        assert handshake.unexpected == [(state, message)]
    else:
        assert handshake.state is target
        assert not handshake.unexpected
        assert handshake.since_ns == (0 if target is state else message.time_ns)
        assert (handshake.done_ns is not None) == (target in DONE)


def test_random_walks_never_raise() -> None:
    chance = random.Random(7)
    steps = [(side, saw) for side in Side for saw in Saw]
    for _ in range(300):
        handshake = Handshake()
        for _ in range(40):
            handshake.see(shown(*chance.choice(steps)).messages[0])
        assert len(handshake.unexpected) <= MAX_UNEXPECTED


class TestTls12:
    def test_full(self) -> None:
        script = full_12().hs(C, 16).ccs(C).fin12(C)
        assert walk(script.messages).state is State.AWAIT_SERVER_FINISHED
        handshake = walk(script.hs(S, 4).ccs(S).fin12(S).messages)
        assert handshake.state is State.ESTABLISHED
        assert handshake.done_ns == script.messages[-1].time_ns
        assert [m and m.frame for m in handshake.finished] == [8, 11]
        assert [m and m.frame for m in handshake.change_cipher_spec] == [7, 10]
        assert handshake.data_from == [False, False]
        assert walk(script.data(C).data(S).messages).data_from == [True, True]

    def test_mutual(self) -> None:
        script = hello().hello().hs(S, 11).hs(S, 22).hs(S, 12).hs(S, 13)
        assert walk(script.messages).state is State.AWAIT_SERVER_HELLO_DONE_AFTER_REQUEST
        assert walk(script.hs(S, 14).messages).state is State.AWAIT_CLIENT_CERTIFICATE
        handshake = walk(script.hs(C, 11).hs(C, 16).hs(C, 15).ccs(C).fin12(C).ccs(S).fin12(S).messages)
        assert handshake.state is State.ESTABLISHED
        assert not handshake.unexpected

    def test_resumed(self) -> None:
        script = hello().hello().ccs(S).fin12(S)
        assert walk(script.messages).state is State.AWAIT_CLIENT_FINISHED_RESUMED
        assert walk(script.ccs(C).fin12(C).messages).state is State.ESTABLISHED

    def test_false_start(self) -> None:
        script = full_12().hs(C, 16).ccs(C).fin12(C).data(C)
        assert walk(script.messages).state is State.AWAIT_SERVER_FINISHED

    def test_client_alone(self) -> None:
        """Only the client was captured: it cannot have gone on without the server's flight."""
        handshake = walk(hello().hs(C, 16).ccs(C).fin12(C).data(C).messages)
        assert handshake.state is State.AWAIT_SERVER_FINISHED
        assert not handshake.unexpected

    def test_server_alone(self) -> None:
        script = Script().hello().hs(S, 11).hs(S, 14).hs(S, 4).ccs(S).fin12(S)
        assert walk(script.messages).state is State.ESTABLISHED

    def test_out_of_place(self) -> None:
        handshake = walk(hello().hs(S, 14).messages)
        assert handshake.state is State.AWAIT_SERVER_HELLO
        assert [message.handshake_type for _, message in handshake.unexpected] == [14]


class TestTls13:
    def flight(self, suite: int = 0x1301, finished: int = 53) -> Script:
        script = hello().hello(0x0304, suite).ccs(S)
        for length in (32, 900, 281, finished):
            script.data(S, length)
        return script

    @pytest.mark.parametrize(("suite", "finished"), [(0x1301, 53), (0x1302, 69), (0x1303, 53), (0x1302, 85)])
    def test_finished_by_size(self, suite: int, finished: int) -> None:
        """RFC 8446 sections 4.4.4, 5.2: header, hash, type and tag; JSSE adds 16 bytes of padding."""
        script = self.flight(suite, finished)
        assert walk(script.messages).state is State.AWAIT_CLIENT_FLIGHT
        handshake = walk(script.ccs(C).data(C, finished).messages)
        assert handshake.state is State.LOOKS_ESTABLISHED
        assert [m and m.length for m in handshake.finished] == [finished, finished]
        assert handshake.data_from == [False, False]

    @pytest.mark.parametrize("length", [19, 35])
    def test_alert_sized_in_place_of_finished(self, length: int) -> None:
        """What refuses the certificate is no Finished."""
        handshake = walk(self.flight().ccs(C).data(C, length).messages)
        assert handshake.state is State.AWAIT_CLIENT_FLIGHT
        assert handshake.alert_sized[0] is not None
        assert handshake.alert_sized[0].length == length

    def test_close_notify_after_finished_is_no_refusal(self) -> None:
        handshake = walk(self.flight().ccs(C).data(C, 53).data(C, 19).messages)
        assert handshake.state is State.LOOKS_ESTABLISHED
        assert handshake.alert_sized == [None, None]

    def test_small_request_is_data(self) -> None:
        """35 bytes after a Finished without padding: a request, not an alert."""
        handshake = walk(self.flight().data(C, 53).data(C, 35).messages)
        assert handshake.data_from == [True, False]

    def test_server_refuses_after_the_client_flight(self) -> None:
        """Mutual TLS: an alert-sized record before any ticket or answer, though a request was sent."""
        script = self.flight().data(C, 800).data(C, 281).data(C, 53).data(C, 200).data(S, 19)
        handshake = walk(script.messages)
        assert handshake.alert_sized[1] is script.messages[-1]
        assert handshake.data_from == [True, False]

    def test_ticket_proves_acceptance(self) -> None:
        handshake = walk(self.flight().data(C, 53).data(S, 250).data(S, 19).messages)
        assert handshake.data_from == [False, True]
        assert handshake.alert_sized == [None, None]

    def test_alert_in_the_server_flight(self) -> None:
        """Go: ServerHello, then an alert-sized record; no EncryptedExtensions is so short."""
        script = hello().hello(0x0304, 0x1301).ccs(S).data(S, 19)
        handshake = walk(script.messages)
        assert handshake.state is State.AWAIT_SERVER_FLIGHT
        assert handshake.alert_sized[1] is script.messages[-1]

    def test_coalesced_client_flight(self) -> None:
        """Certificate, CertificateVerify and Finished in one record: settled by the server's answer."""
        script = self.flight().data(C, 1200)
        assert walk(script.messages).state is State.AWAIT_CLIENT_FLIGHT_END
        assert walk(script.data(S, 250).messages).state is State.LOOKS_ESTABLISHED

    def test_retry(self) -> None:
        script = hello().hello(0x0304, 0x1301, retry=True)
        assert walk(script.messages).state is State.AWAIT_SECOND_CLIENT_HELLO
        script.ccs(C)
        hello(script)
        handshake = walk(script.hello(0x0304, 0x1301).data(S, 900).data(C, 53).messages)
        assert handshake.state is State.LOOKS_ESTABLISHED
        assert handshake.retried
        assert not handshake.unexpected

    def test_early_data(self) -> None:
        script = hello().data(C, 300).hello(0x0304, 0x1301).data(C, 300).data(S, 900).data(C, 21).data(C, 53)
        handshake = walk(script.messages)
        assert handshake.state is State.LOOKS_ESTABLISHED
        assert not handshake.unexpected

    def test_short_tag(self) -> None:
        """CCM_8: tag of 8 bytes."""
        handshake = walk(hello().hello(0x0304, 0x1305).data(S, 400).data(C, 45).messages)
        assert handshake.state is State.LOOKS_ESTABLISHED


def test_captured_from_the_middle() -> None:
    assert walk(Script().data(C).messages).state is State.AWAIT_SERVER_DATA
    assert walk(Script().data(S).data(C).messages).state is State.LOOKS_ESTABLISHED


@pytest.mark.parametrize(
    ("body", "choice"),
    [
        (server_hello_body(), (0x0303, 0xC02F, False)),
        (server_hello_body(0x0301, 0x0035), (0x0301, 0x0035, False)),
        (server_hello_body(0x0304, 0x1302, session=bytes(32)), (0x0304, 0x1302, False)),
        (server_hello_body(0x0304, 0x1301, retry=True), (0x0304, 0x1301, True)),
        (b"\x7f\x12" + bytes(32) + b"\x13\x01", (0x7F12, 0x1301, False)),
        (b"", (0, 0, False)),
        (b"\x03\x03" + bytes(32) + b"\xff", (0x0303, 0, False)),
    ],
)
def test_read_choice(body: bytes, choice: tuple[int, int, bool]) -> None:
    assert read_choice(body) == choice


def test_read_choice_of_any_prefix() -> None:
    body = server_hello_body(0x0304, 0x1302, session=bytes(32), extensions=b"\0\x33\0\x24" + bytes(36))
    for size in range(len(body)):
        read_choice(body[:size])


class TestCausalOrder:
    def test_answer_captured_before_the_question(self) -> None:
        """Two receive queues: the ServerHello's frame comes first, the table knows better."""
        script = Script().hello().hs(S, 11).hs(S, 14)
        hello(script).hs(C, 16).ccs(C).fin12(C).ccs(S).fin12(S)
        assert walk(script.messages).unexpected
        order = causal_order(script.messages)
        assert not walk(order).unexpected
        assert walk(order).state is State.ESTABLISHED
        assert sorted(order, key=lambda m: m.frame) == list(script.messages)

    def test_good_order_is_kept(self) -> None:
        messages = full_12().messages
        assert causal_order(messages) == messages

    def test_each_side_keeps_its_own_order(self) -> None:
        script = Script().hs(S, 14).hs(S, 11).hello()
        hello(script)
        order = causal_order(script.messages)
        assert [m for m in order if m.side == S] == [m for m in script.messages if m.side == S]


class TestFacts:
    def test_application_records(self) -> None:
        script = TestTls13().flight().data(C, 53).data(C, 200).data(S, 250).data(S, 900).data(C, 19).data(S, 19)
        facts = TlsFacts(script.messages)
        assert facts.application_records == (1, 2)

    def test_empty_client_certificate_by_size(self) -> None:
        facts = TlsFacts(TestTls13().flight().data(C, 25).data(C, 53).messages)
        assert facts.client_certificate_sent is False
        facts = TlsFacts(TestTls13().flight().data(C, 900).data(C, 281).data(C, 53).messages)
        assert facts.client_certificate_sent is True
        facts = TlsFacts(TestTls13().flight().data(C, 53).messages)
        assert facts.client_certificate_sent is None

    def test_client_certificate_12(self) -> None:
        script = hello().hello().hs(S, 11).hs(S, 13).hs(S, 14)
        assert TlsFacts(script.messages).client_certificate_sent is None
        assert TlsFacts(script.hs(C, 11, bytes(3)).messages).client_certificate_sent is False

    def test_resumed(self) -> None:
        session = bytes(range(1, 33))
        script = Script().hs(C, 1, client_hello_body(session=session))
        script.hs(S, 2, server_hello_body(session=session)).ccs(S).fin12(S)
        assert TlsFacts(script.messages).resumed
        assert not TlsFacts(full_12().hs(C, 16).ccs(C).fin12(C).ccs(S).fin12(S).messages).resumed

    def test_alerts(self) -> None:
        script = hello().add(S, 21, body=b"\x02\x46").add(C, 21, length=26, encrypted=True)
        first, second = TlsFacts(script.messages).alerts
        assert (first.side, first.level, first.code, first.encrypted) == (Side.SERVER, 2, 70, False)
        assert (second.side, second.level, second.code, second.encrypted) == (Side.CLIENT, None, None, True)

    def test_second_hello(self) -> None:
        script = hello().hello(0x0304, 0x1301, retry=True)
        hello(script).hello(0x0304, 0x1302)
        facts = TlsFacts(script.messages)
        assert facts.client_hello_message is script.messages[0]
        assert facts.second_client_hello is not None
        assert facts.server_hello_message is script.messages[3]
        assert facts.hello_retry_message is script.messages[1]
        assert facts.version == 0x0304

    def test_downgrade_sentinel(self) -> None:
        body = bytearray(server_hello_body())
        body[26:34] = b"DOWNGRD\x01"
        assert TlsFacts(hello().hs(S, 2, bytes(body)).messages).downgrade_sentinel
        assert not TlsFacts(full_12().messages).downgrade_sentinel

    def test_nothing(self) -> None:
        facts = TlsFacts([])
        assert facts.state is State.AWAIT_CLIENT_HELLO
        assert facts.client_hello is None
        assert facts.server_hello is None
        assert facts.certificates == ()
        assert facts.version is None
        assert not facts.resumed

    def test_malformed_hello(self) -> None:
        facts = TlsFacts(Script().hs(C, 1, b"\x03\x03" + bytes(32) + b"\xff").messages)
        assert facts.client_hello is None
        assert [(side, frame) for side, frame, _ in facts.malformed] == [(Side.CLIENT, 1)]
