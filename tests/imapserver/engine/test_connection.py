"""The login dialogue with an engine, against a server that says what the test has written down."""

import asyncio
import base64
import contextlib
import traceback

import pytest

from imapserver.engine.connection import (
    LINE_LIMIT,
    WAITING_LIMIT,
    EngineConnection,
    EngineUnavailable,
    LoginRefused,
)
from imapserver.engine.credentials import Password, Token
from imapserver.wire.secret import Secret
from tests.support.engine import Peer, ScriptedEngine

PLAIN = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=OAUTHBEARER AUTH=XOAUTH2] ready\r\n"
LOGGED_IN = b"{tag} OK [CAPABILITY IMAP4rev1 Idle] Logged in\r\n"
PASSWORD = b"correct h\xf6rse"
ENCODED = base64.b64encode(b"\0ann\0" + PASSWORD)
ANN = Password("ann", Secret(PASSWORD))


class Receiver(asyncio.Protocol):
    def __init__(self):
        self.data = bytearray()
        self.lost = asyncio.Event()
        self.got = asyncio.Event()

    def data_received(self, data):
        self.data += data
        self.got.set()

    def connection_lost(self, exc):
        self.lost.set()


def answering(greeting, *answers, then_close=False):
    """The script that greets, and answers each line with the next of `answers`."""

    def script(peer: Peer):
        peer.say(greeting)
        for answer in answers:
            peer.hear()
            peer.say(answer)
        if not then_close:
            peer.hear_all()

    return script


@contextlib.asynccontextmanager
async def connected_to(greeting, *answers, then_close=False):
    """A connection to an engine with this script; `lines` are what the engine is told."""
    with ScriptedEngine(answering(greeting, *answers, then_close=then_close)) as engine:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(EngineConnection, *engine.address)
        try:
            async with asyncio.timeout(10):
                yield connection, engine
        finally:
            connection.transport.abort()
            await asyncio.sleep(0)


async def log_in(connection, credentials=ANN):
    await connection.greet()
    await connection.ask_capabilities()
    await connection.authenticate(credentials)


def lines(engine):
    return engine.peers[0].lines


# Greeting and capabilities


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(b"* PREAUTH you are somebody\r\n", id="preauth"),
        pytest.param(b"* BYE too busy\r\n", id="bye"),
        pytest.param(b"* OKAY\r\n", id="no greeting"),
        pytest.param(b"* NO\r\n", id="no"),
        pytest.param(b"+ OK\r\n", id="continuation"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="ssh"),
        pytest.param(b"* OK " + LINE_LIMIT * b"x" + b"\r\n", id="line over limit"),
        pytest.param(b"* OK " + LINE_LIMIT * b"x", id="line over limit without an end"),
        pytest.param(b"* OK\n", id="closed within the line"),
    ],
)
async def test_greeting_that_is_no_ok_is_refused_and_nothing_is_said(greeting):
    async with connected_to(greeting, then_close=greeting.endswith(b"OK\n")) as (connection, engine):
        with pytest.raises(EngineUnavailable):
            await connection.greet()
    assert engine.said == b""


async def test_capabilities_of_the_greeting_are_not_asked_for_again():
    async with connected_to(PLAIN) as (connection, engine):
        await connection.greet()
        await connection.ask_capabilities()
        assert connection.has("SASL-IR")
    assert engine.said == b""


async def test_capabilities_are_asked_for_where_the_greeting_has_none():
    async with connected_to(b"* OK hi\r\n", b"* capability imap4rev1 starttls\r\n{tag} OK\r\n") as (connection, engine):
        await connection.greet()
        await connection.ask_capabilities()
        assert connection.capabilities == ("imap4rev1", "starttls")
        assert connection.has("STARTTLS")
    assert engine.said == b"A1 CAPABILITY\r\n"


@pytest.mark.parametrize(
    "answer", [b"{tag} BAD what\r\n", b"{tag} NO\r\n", b"+ \r\n", b"+ OK\r\n", b"* BYE\r\n", b"x OK\r\n"]
)
async def test_engine_that_does_not_tell_its_capabilities_is_unavailable(answer):
    async with connected_to(b"* OK hi\r\n", answer) as (connection, _):
        await connection.greet()
        with pytest.raises(EngineUnavailable):
            await connection.ask_capabilities()


async def test_untagged_responses_on_the_way_are_passed_over():
    said = b"* OK [ALERT] full\r\n* XYZ\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n"
    async with connected_to(b"* OK hi\r\n", said, b"+ \r\n", b"* OK still here\r\n" + LOGGED_IN) as (connection, _):
        await log_in(connection)
        assert connection.capabilities == ("IMAP4rev1", "Idle")


# STARTTLS

OFFER = b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n"


async def test_start_tls_without_the_offer_sends_nothing():
    async with connected_to(PLAIN) as (connection, engine):
        await connection.greet()
        with pytest.raises(EngineUnavailable, match="offers no STARTTLS"):
            await connection.start_tls(None, "localhost")
    assert engine.said == b""


@pytest.mark.parametrize(
    "more", [b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", b"x", b"\x16\x03\x01", b"A2 OK [CAPABILITY X] in\r\n"]
)
async def test_octets_behind_the_ok_to_start_tls_are_refused(more):
    """They came in plain text, and would be read as if they had come encrypted (CVE-2021-38371)."""
    async with connected_to(OFFER, b"{tag} OK go on\r\n" + more) as (connection, engine):
        await connection.greet()
        with pytest.raises(EngineUnavailable, match="more than its answer"):
            await connection.start_tls(None, "localhost")
    assert engine.said == b"A1 STARTTLS\r\n"


@pytest.mark.parametrize("answer", [b"{tag} NO\r\n", b"{tag} BAD no\r\n", b"+ OK\r\n", b"* PREAUTH\r\n{tag} NO no\r\n"])
async def test_engine_that_refuses_start_tls_is_unavailable(answer):
    async with connected_to(OFFER, answer) as (connection, _):
        await connection.greet()
        with pytest.raises(EngineUnavailable):
            await connection.start_tls(None, "localhost")


# ID


async def test_identify_names_the_fields_where_the_engine_has_id():
    greeting = b"* OK [CAPABILITY IMAP4rev1 ID] hi\r\n"
    async with connected_to(greeting, b"* ID NIL\r\n{tag} OK\r\n") as (connection, engine):
        await connection.greet()
        await connection.identify({"x-originating-ip": "2001:db8::1", "x-session-id": 'a"b\\'})
    assert engine.said == rb'A1 ID ("x-originating-ip" "2001:db8::1" "x-session-id" "a\"b\\")' + b"\r\n"


async def test_identify_says_nothing_where_the_engine_has_no_id():
    async with connected_to(PLAIN) as (connection, engine):
        await connection.greet()
        await connection.identify({"x-originating-ip": "127.0.0.1"})
    assert engine.said == b""


@pytest.mark.parametrize("answer", [b"{tag} NO go away\r\n", b"{tag} BAD\r\n"])
async def test_engine_that_refuses_id_is_unavailable_and_the_password_not_to_blame(answer):
    async with connected_to(b"* OK [CAPABILITY ID] hi\r\n", answer) as (connection, _):
        await connection.greet()
        with pytest.raises(EngineUnavailable):
            await connection.identify({"a": "b"})


# Login


async def test_plain_goes_with_the_command_where_the_engine_takes_it():
    async with connected_to(PLAIN, LOGGED_IN) as (connection, engine):
        await log_in(connection)
        assert connection.capabilities == ("IMAP4rev1", "Idle")
    assert lines(engine) == [b"A1 AUTHENTICATE PLAIN " + ENCODED]


async def test_plain_waits_for_the_continuation_where_the_engine_does_not():
    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n"
    async with connected_to(greeting, b"+ \r\n", LOGGED_IN) as (connection, engine):
        await log_in(connection)
    assert lines(engine) == [b"A1 AUTHENTICATE PLAIN", ENCODED]


async def test_master_user_names_whom_it_becomes():
    async with connected_to(PLAIN, LOGGED_IN) as (connection, engine):
        await log_in(connection, Password("master", Secret(b"pw"), acting_for="ann"))
    assert base64.b64decode(lines(engine)[0].split()[-1]) == b"ann\0master\0pw"


@pytest.mark.parametrize("password", [b'a"b\\c{5}%d', b"p\xc3\xa9\xff", b"{5}", b" ", b"x" * 3000])
async def test_login_with_literals_where_plain_is_not_offered(password):
    greeting = b"* OK [CAPABILITY IMAP4rev1] hi\r\n"
    async with connected_to(greeting, b"+ OK\r\n", b"+ OK\r\n", LOGGED_IN) as (connection, engine):
        await log_in(connection, Password("ann", Secret(password)))
    assert engine.said == b"A1 LOGIN {3}\r\nann {%d}\r\n%b\r\n" % (len(password), password)


@pytest.mark.parametrize(
    ("capabilities", "credentials"),
    [
        ("IMAP4rev1 LOGINDISABLED", ANN),
        ("IMAP4rev1", Password("master", Secret(PASSWORD), acting_for="ann")),
        ("IMAP4rev1 AUTH=PLAIN", Token("ann", Secret(PASSWORD), "XOAUTH2")),
        ("IMAP4rev1 AUTH=XOAUTH2", Token("ann", Secret(PASSWORD), "OAUTHBEARER")),
    ],
)
async def test_nothing_secret_is_sent_to_an_engine_that_does_not_offer_it(capabilities, credentials):
    async with connected_to(f"* OK [CAPABILITY {capabilities}] hi\r\n".encode()) as (connection, engine):
        with pytest.raises(EngineUnavailable, match="offer"):
            await log_in(connection, credentials)
    assert engine.said == b""


async def test_bearer_tokens_have_the_form_of_their_mechanism():
    for mechanism, response in (
        ("OAUTHBEARER", b"n,a=a=3Dn=2Cn,\1auth=Bearer t0k.en\1\1"),
        ("XOAUTH2", b"user=a=n,n\1auth=Bearer t0k.en\1\1"),
    ):
        async with connected_to(PLAIN, LOGGED_IN) as (connection, engine):
            await log_in(connection, Token("a=n,n", Secret(b"t0k.en"), mechanism))
        assert lines(engine) == [f"A1 AUTHENTICATE {mechanism} ".encode() + base64.b64encode(response)]


@pytest.mark.parametrize(("mechanism", "acknowledged"), [("OAUTHBEARER", b"AQ=="), ("XOAUTH2", b"")])
async def test_challenge_that_tells_of_a_failed_token_is_answered_and_then_comes_no(mechanism, acknowledged):
    challenge = b"+ " + base64.b64encode(b'{"status":"invalid_token"}') + b"\r\n"
    async with connected_to(PLAIN, challenge, b"{tag} NO [AUTHENTICATIONFAILED] no\r\n") as (connection, engine):
        with pytest.raises(LoginRefused):
            await log_in(connection, Token("ann", Secret(b"stale"), mechanism))
    assert lines(engine)[1] == acknowledged


async def test_challenge_that_plain_does_not_have_is_canceled():
    async with connected_to(PLAIN, b"+ \r\n", b"{tag} BAD canceled\r\n") as (connection, engine):
        with pytest.raises(EngineUnavailable):
            await log_in(connection)
    assert lines(engine)[1] == b"*"


async def test_second_challenge_is_the_end():
    async with connected_to(PLAIN, b"+ e30=\r\n", b"+ e30=\r\n") as (connection, _):
        with pytest.raises(EngineUnavailable):
            await log_in(connection, Token("ann", Secret(b"stale"), "XOAUTH2"))


async def test_capabilities_of_before_the_login_are_forgotten():
    said = b"* CAPABILITY IMAP4rev1 MOVE\r\n{tag} OK done\r\n"
    async with connected_to(PLAIN, said) as (connection, _):
        await log_in(connection)
        assert connection.capabilities == ("IMAP4rev1", "MOVE")


async def test_capabilities_are_asked_for_where_the_login_gave_none():
    said = b"* CAPABILITY UIDPLUS\r\n{tag} OK done\r\n"
    async with connected_to(PLAIN, b"{tag} OK\r\n", said) as (connection, engine):
        await log_in(connection)
        assert connection.capabilities == ("UIDPLUS",)
    assert lines(engine)[1] == b"A2 CAPABILITY"


# How a login fails

REFUSALS = [
    b"{tag} NO [AUTHENTICATIONFAILED] no\r\n",
    b"{tag} NO\r\n",
    b"{tag} no [EXPIRED]\r\n",
    b"{tag} NO wrong\r\n",
]
FAILURES = [
    *(b"{tag} NO [%b] later\r\n" % code for code in (b"UNAVAILABLE", b"SERVERBUG", b"INUSE", b"LIMIT", b"unavailable")),
    *(b"{tag} BAD what\r\n", b"{tag} NOPE\r\n", b"{tag} OKAY\r\n", b"A7 OK another tag\r\n", b"+ OK\r\n" * 2),
    *(b"* BYE shutting down\r\n", b"no response\r\n", b"\r\n", b"* " + LINE_LIMIT * b"x", WAITING_LIMIT * b"x"),
]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "login"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [*((answer, LoginRefused) for answer in REFUSALS), *((answer, EngineUnavailable) for answer in FAILURES)],
)
async def test_wrong_password_and_an_engine_in_trouble_are_told_apart(answer, error, plain):
    greeting = PLAIN if plain else b"* OK [CAPABILITY IMAP4rev1] hi\r\n"
    answers = () if plain else (b"+ \r\n", b"+ \r\n")
    async with connected_to(greeting, *answers, answer) as (connection, _):
        with pytest.raises(error):
            await log_in(connection)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((b"{tag} NO [AUTHENTICATIONFAILED] no\r\n",), LoginRefused),
        ((b"{tag} NO [UNAVAILABLE] no\r\n",), EngineUnavailable),
        ((b"{tag} BAD no\r\n",), EngineUnavailable),
        ((b"{tag} OK come in\r\n",), EngineUnavailable),
        ((b"* BYE\r\n",), EngineUnavailable),
        ((b"+ \r\n", b"{tag} NO no such user\r\n"), LoginRefused),
    ],
)
@pytest.mark.parametrize("capability", [b"AUTH=PLAIN", b"IMAP4rev1"])
async def test_engine_that_ends_the_login_before_the_password_is_not_told_it(capability, answers, error):
    if capability == b"AUTH=PLAIN":
        answers = answers[-1:]
    async with connected_to(b"* OK [CAPABILITY %b] hi\r\n" % capability, *answers) as (connection, engine):
        with pytest.raises(error):
            await log_in(connection)
    assert PASSWORD not in engine.said
    assert ENCODED not in engine.said


@pytest.mark.parametrize("answers", [(), (b"",), (b"{tag} OK [CAPAB",)])
async def test_engine_that_closes_is_unavailable(answers):
    async with connected_to(PLAIN, *answers, then_close=True) as (connection, _):
        with pytest.raises(EngineUnavailable, match="closed"):
            await log_in(connection)


async def test_login_can_be_canceled():
    async with connected_to(PLAIN) as (connection, engine):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await log_in(connection)
    assert ENCODED in engine.said


@pytest.mark.parametrize(
    "echo",
    [
        b"{tag} NO %b\r\n",
        b"{tag} NO [UNAVAILABLE] %b\r\n",
        b"{tag} NO [%b]\r\n",
        b"{tag} BAD %b\r\n",
        b"* BYE %b\r\n",
        b"%b\r\n",
        b"{tag} OK\r\n%b\r\n",
        b"{tag} OK\r\n* BYE %b\r\n",
        b"+ \r\n%b\r\n",
    ],
)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "login"])
async def test_password_is_in_no_exception_whatever_the_engine_says(echo, plain):
    greeting = PLAIN if plain else b"* OK [CAPABILITY IMAP4rev1] hi\r\n"
    answers = () if plain else (b"+ \r\n", b"+ \r\n")
    secret = ENCODED if plain else PASSWORD
    async with connected_to(greeting, *answers, echo % secret, b"{tag} BAD " + secret) as (connection, _):
        with pytest.raises((EngineUnavailable, LoginRefused)) as caught:
            await log_in(connection)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(connection)
    assert secret.decode(errors="backslashreplace") not in shown
    assert repr(secret)[2:-1] not in shown


def test_secrets_are_in_no_repr():
    for credentials in (ANN, Token("ann", Secret(PASSWORD), "XOAUTH2")):
        for shown in (credentials, credentials.response(), credentials.named("ann")):
            assert "correct" not in repr(shown)
            assert ENCODED.decode() not in repr(shown)


# After the login


async def test_receiver_gets_what_came_with_the_login_first_and_then_the_rest():
    said = LOGGED_IN + b"* OK [ALERT] full\r\n* 1 EX"
    async with connected_to(PLAIN, said, b"ISTS\r\n") as (connection, _):
        await log_in(connection)
        receiver = Receiver()
        connection.attach(receiver)
        await asyncio.wait_for(receiver.got.wait(), 5)
        receiver.got.clear()
        connection.transport.write(b"C NOOP\r\n")
        while not receiver.data.endswith(b"EXISTS\r\n"):
            await asyncio.wait_for(receiver.got.wait(), 5)
            receiver.got.clear()
        assert receiver.data == b"* OK [ALERT] full\r\n* 1 EXISTS\r\n"


async def test_receiver_hears_of_an_end_that_came_before_it():
    async with connected_to(PLAIN, LOGGED_IN) as (connection, _):
        await log_in(connection)
        connection.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        receiver = Receiver()
        connection.attach(receiver)
        await asyncio.wait_for(receiver.lost.wait(), 5)
