"""A remote engine: a Dovecot that is there already, by each way to it; and peers that must not be trusted."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from imapserver.engine.connection import EngineUnavailable, LoginRefused
from imapserver.engine.credentials import Origin, Password, Token
from imapserver.engine.remote import MasterUser, RemoteEngine
from imapserver.wire.secret import Secret
from tests.imapserver.engine.mail import Mail
from tests.support import certificates
from tests.support.dovecot import MASTER, ReferenceDovecot, free_ports
from tests.support.engine import LOGGED_IN, READY, Peer, ScriptedEngine
from tests.support.process import eventually

CANARY = b"S3cretCanary5"
ANN = Password("ann", Secret(b"ann"))
ORIGIN = Origin("192.0.2.77", 54321, "c0ffee123456")


@pytest.fixture(scope="module")
def dovecot():
    dovecot = ReferenceDovecot()
    yield dovecot.start()
    dovecot.stop()


def engine_at(dovecot, way, **options):
    """The engine by one of the ways to it."""
    url = {
        "starttls": f"imap://127.0.0.1:{dovecot.imap[1]}",
        "plain": f"imap://127.0.0.1:{dovecot.imap[1]}",
        "imaps": f"imaps://localhost:{dovecot.imaps[1]}",
        "unix": f"unix:{dovecot.socket}",
    }[way]
    return RemoteEngine(url, start_tls=way != "plain", ca=dovecot.certificate, **options)


async def log_in(engine, credentials=ANN, origin=None):
    return await engine.open(credentials.username, credentials, origin)


async def refuse(engine, error=EngineUnavailable, match=".", credentials=None):
    """Try to log in with the canary; return what the log would say."""
    with pytest.raises(error, match=match) as caught:
        await log_in(engine, credentials or Password("ann", Secret(CANARY)))
    assert CANARY.decode() not in str(caught.value)


# Ways to it


@pytest.mark.parametrize("way", ["starttls", "plain", "imaps", "unix"])
async def test_user_reads_mail_by_each_way_and_a_wrong_password_is_refused(dovecot, way):
    engine = engine_at(dovecot, way)
    assert engine.authority
    await engine.start()
    connection = await log_in(engine)
    assert bool(connection.transport.get_extra_info("ssl_object")) == (way in ("starttls", "imaps"))
    mail = Mail(connection)
    assert b"T OK" in await mail.run(b"SELECT INBOX")
    mail.transport.close()
    await mail.ended()
    await refuse(engine, LoginRefused, "AUTHENTICATIONFAILED")
    await engine.stop()


async def test_plain_text_to_the_engine_is_warned_of(dovecot, caplog):
    for way, warned in (("plain", True), ("starttls", False), ("imaps", False), ("unix", False)):
        caplog.clear()
        await engine_at(dovecot, way).start()
        assert ("without TLS" in caplog.text) == warned


async def test_engine_that_is_away_at_the_start_is_a_warning(caplog):
    (port,) = free_ports(1)
    for url in (f"imap://127.0.0.1:{port}", "unix:/nonexistent/socket"):
        engine = RemoteEngine(url)
        with caplog.at_level(logging.WARNING):
            await engine.start()
        assert f"The engine {url} can't be reached now" in caplog.text
        await refuse(engine)


async def test_start_leaves_no_connection(dovecot):
    with ScriptedEngine(lambda peer: (peer.say(READY), peer.hear_all())) as scripted:
        engine = RemoteEngine(scripted.url, start_tls=False)
        await engine.start()
        await asyncio.to_thread(scripted.wait_for_end)
        assert scripted.said == b""
        assert engine.mechanisms == ("OAUTHBEARER", "XOAUTH2")


async def test_token_mechanisms_are_those_that_the_engine_offered_last():
    offers = [b"AUTH=PLAIN", b"AUTH=PLAIN AUTH=XOAUTH2 AUTH=SCRAM-SHA-256"]

    def script(peer):
        peer.say(b"* OK [CAPABILITY IMAP4rev1 SASL-IR %b] hi\r\n" % offers.pop(0))
        peer.hear()
        peer.say(LOGGED_IN)

    with ScriptedEngine(script) as scripted:
        engine = RemoteEngine(scripted.url, start_tls=False)
        for mechanisms in ((), ("XOAUTH2",)):
            (await log_in(engine)).transport.abort()
            assert engine.mechanisms == mechanisms


# Peers that must not be trusted: nothing is said to them but STARTTLS


OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)


@pytest.fixture(params=["imap", "imaps"])
def listening(request) -> Callable[..., ScriptedEngine]:
    """Makes an engine with this certificate, by STARTTLS or by TLS from the start."""

    def listening(certificate: Path, highest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ScriptedEngine:
        context = certificates.server_context(certificate, highest)

        def start_tls(peer: Peer) -> None:
            peer.say(b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hi\r\n")
            peer.hear()
            peer.say(b"{tag} OK go on\r\n")
            peer.encrypt(context)
            peer.hear()
            peer.say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK\r\n")
            let_in(peer)

        if request.param == "imaps":
            return ScriptedEngine(lambda peer: (peer.say(READY), let_in(peer)), tls=context)
        return ScriptedEngine(start_tls)

    return listening


def let_in(peer: Peer) -> None:
    peer.hear()
    peer.say(LOGGED_IN)
    peer.hear_all()


async def refuse_untold(scripted: ScriptedEngine, ca: Path | None, match: str) -> None:
    with scripted:
        await refuse(RemoteEngine(scripted.url, ca=ca), match=match)
    assert scripted.said in (b"", b"A1 STARTTLS\r\n")


async def test_trusted_peer_with_the_right_name_is_told_the_password(listening, tmp_path):
    """What the others are measured against: this script would take it."""
    certificate = certificates.make(tmp_path)
    with listening(certificate) as scripted:
        connection = await log_in(RemoteEngine(scripted.url, ca=certificate))
        connection.transport.abort()
    assert b"AUTHENTICATE PLAIN" in scripted.said


async def test_certificate_that_nobody_trusts_is_refused(listening, tmp_path):
    await refuse_untold(listening(certificates.make(tmp_path)), None, "certificate verify failed: self.signed")
    other = certificates.make(tmp_path)
    await refuse_untold(listening(certificates.make(tmp_path)), other, "certificate verify failed")


async def test_certificate_for_another_name_is_refused(listening, tmp_path):
    certificate = certificates.make(tmp_path, name="mail.example")
    await refuse_untold(listening(certificate), certificate, "Hostname mismatch.*'localhost'")


async def test_expired_certificate_is_refused(listening, tmp_path):
    certificate = certificates.make(tmp_path, age=60, valid=30)
    await refuse_untold(listening(certificate), certificate, "certificate has expired")


async def test_certificate_of_the_future_is_refused(listening, tmp_path):
    certificate = certificates.make(tmp_path, age=-10)
    await refuse_untold(listening(certificate), certificate, "certificate is not yet valid")


@pytest.mark.parametrize("version", OLD)
async def test_old_tls_is_refused(listening, tmp_path, version):
    certificate = certificates.make(tmp_path)
    await refuse_untold(listening(certificate, version), certificate, "(?i)protocol")


@pytest.mark.parametrize(
    "greeting",
    [
        b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] no TLS here\r\n",
        b"* PREAUTH [CAPABILITY IMAP4rev1] you are somebody\r\n",
        b"* BYE\r\n",
    ],
)
async def test_engine_without_start_tls_is_told_nothing(greeting):
    with ScriptedEngine(lambda peer: (peer.say(greeting), peer.hear_all())) as scripted:
        await refuse(RemoteEngine(scripted.url))
    assert scripted.said == b""


async def test_answer_that_was_put_in_before_tls_is_refused(tmp_path):
    certificate = certificates.make(tmp_path)

    def script(peer: Peer) -> None:
        peer.say(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n")
        peer.hear()
        peer.say(b"{tag} OK go on\r\nA2 OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] as if encrypted\r\n")
        peer.encrypt(certificates.server_context(certificate))
        let_in(peer)

    with ScriptedEngine(script) as scripted:
        await refuse(RemoteEngine(scripted.url, ca=certificate), match="more than its answer")
    assert scripted.said == b"A1 STARTTLS\r\n"


async def test_capabilities_of_before_tls_are_forgotten(tmp_path):
    """Else somebody in between could say that only LOGIN is offered, or take SASL-IR away."""
    certificate = certificates.make(tmp_path)

    def script(peer: Peer) -> None:
        peer.say(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n")
        peer.hear()
        peer.say(b"{tag} OK go on\r\n")
        peer.encrypt(certificates.server_context(certificate))
        peer.hear()
        peer.say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK\r\n")
        peer.hear()
        peer.say(LOGGED_IN)

    with ScriptedEngine(script) as scripted:
        (await log_in(RemoteEngine(scripted.url, ca=certificate))).transport.abort()
    assert scripted.peers[0].lines[1:] == [b"A2 CAPABILITY", b"A3 AUTHENTICATE PLAIN AGFubgBhbm4="]


# Engines in trouble


def greet(peer: Peer) -> None:
    peer.say(READY)


def login_and_silence(peer: Peer) -> None:
    peer.say(READY)
    peer.hear()
    peer.say(b"{tag} OK\r\n")


def tls_and_silence(peer: Peer) -> None:
    peer.say(b"* OK [CAPABILITY STARTTLS] hi\r\n")
    peer.hear()
    peer.say(b"{tag} OK\r\n")


def flood(peer: Peer) -> None:
    peer.say(READY)
    while True:
        peer.say(b"* OK still here\r\n")


@pytest.mark.parametrize(
    ("script", "start_tls"),
    [
        *(((lambda peer: None), tls) for tls in (True, False)),
        *((greet, False), (login_and_silence, False), (tls_and_silence, True), (flood, False)),
    ],
)
async def test_engine_that_hangs_is_unavailable_in_time_and_closed(script, start_tls):
    with ScriptedEngine(lambda peer: (script(peer), peer.hear_all())) as scripted:
        engine = RemoteEngine(scripted.url, start_tls=start_tls, login_seconds=0.3)
        async with asyncio.timeout(5):
            await refuse(engine, match=r"gave no login within 0\.3 s")
            await asyncio.to_thread(scripted.wait_for_end)


async def test_engine_that_does_not_shake_hands_is_unavailable_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        await refuse(RemoteEngine(f"imaps://localhost:{silent.getsockname()[1]}", login_seconds=0.3), match="no login")


@pytest.mark.parametrize("error", [b"NO [AUTHENTICATIONFAILED] no", b"NO [UNAVAILABLE] no", b"BAD no"])
async def test_connection_is_closed_when_the_login_fails(error):
    def script(peer):
        peer.say(READY)
        peer.hear()
        peer.say(b"{tag} " + error + b"\r\n")
        peer.hear_all()

    with ScriptedEngine(script) as scripted:
        await refuse(RemoteEngine(scripted.url, start_tls=False), (EngineUnavailable, LoginRefused))
        await asyncio.to_thread(scripted.wait_for_end)


async def test_login_that_is_canceled_closes_its_connection():
    with ScriptedEngine(lambda peer: (peer.say(READY), peer.hear_all())) as scripted:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await log_in(RemoteEngine(scripted.url, start_tls=False))
        await asyncio.to_thread(scripted.wait_for_end)


# Who is logged in


@pytest.mark.parametrize(
    "name",
    ["", "ann*master", "ann ", " ann", "a nn", "\uff41nn", "ann\u200b", "an\u0303n", "a\r\nb", "a\0b", "x" * 151],
)
async def test_name_that_could_be_another_ones_is_refused_unasked(name):
    with ScriptedEngine(lambda peer: peer.hear_all()) as scripted:
        for master in (None, MasterUser("master", Secret(CANARY))):
            engine = RemoteEngine(scripted.url, start_tls=False, master=master)
            await refuse(engine, LoginRefused, "no name", Password(name, Secret(CANARY)))
        assert scripted.peers == []


async def test_master_user_becomes_the_user_without_its_password(dovecot):
    dovecot.deliver("demo", b"Subject: for demo\n\n")
    engine = engine_at(dovecot, "starttls", master=MasterUser(MASTER, Secret(MASTER.encode())))
    assert not engine.authority
    mail = Mail(await engine.open("demo"))
    assert b"* 1 EXISTS" in await mail.run(b"SELECT INBOX")
    mail.transport.close()
    await mail.ended()
    assert engine.mechanisms == ()


async def test_master_user_does_not_become_one_mailbox_for_two_users():
    """Django tells Ann from ann, and most servers do not."""
    with ScriptedEngine(Peer.log_in) as scripted:
        for lowercase, error in ((True, LoginRefused), (False, None)):
            master = MasterUser(MASTER, Secret(CANARY))
            engine = RemoteEngine(scripted.url, start_tls=False, master=master, lowercase=lowercase)
            if error:
                with pytest.raises(error, match="not in lower case"):
                    await engine.open("Ann")
                assert scripted.peers == []
            else:
                (await engine.open("Ann")).transport.abort()


async def test_refusal_of_the_master_user_is_no_wrong_password_of_the_users(dovecot):
    await refuse(engine_at(dovecot, "starttls", master=MasterUser(MASTER, Secret(CANARY))), match="the master user")
    engine = engine_at(dovecot, "starttls", master=MasterUser(MASTER, Secret(MASTER.encode())))
    with pytest.raises(EngineUnavailable, match="the master user"):
        await engine.open("nobody")


@pytest.mark.parametrize("way", ["starttls", "imaps", "plain"])
async def test_origin_is_in_the_engines_log(dovecot, way):
    origin = Origin("192.0.2.77", 54321, f"c0ffee-{way}")
    (await log_in(engine_at(dovecot, way), origin=origin)).transport.abort()
    entry = "rip=192.0.2.77", f"session=<c0ffee-{way}>", "user=<ann>"
    assert eventually(lambda: any(all(part in line for part in entry) for line in dovecot.log().splitlines()))


async def test_origin_is_not_sent_where_the_operator_does_not_want_it():
    for send_origin in (True, False):
        with ScriptedEngine(Peer.log_in) as scripted:
            engine = RemoteEngine(scripted.url, start_tls=False, send_origin=send_origin)
            (await log_in(engine, origin=ORIGIN)).transport.abort()
        assert (b"192.0.2.77" in scripted.said) == send_origin
        assert (b'A1 ID ("x-originating-ip" "192.0.2.77" ' in scripted.said) == send_origin


async def test_token_is_handed_on_as_it_came():
    for mechanism, response in (
        ("OAUTHBEARER", b"bixhPWFubiwBYXV0aD1CZWFyZXIgUzNjcmV0Q2FuYXJ5NQEB"),
        ("XOAUTH2", b"dXNlcj1hbm4BYXV0aD1CZWFyZXIgUzNjcmV0Q2FuYXJ5NQEB"),
    ):
        with ScriptedEngine(Peer.log_in) as scripted:
            engine = RemoteEngine(scripted.url, start_tls=False)
            (await log_in(engine, Token("ann", Secret(CANARY), mechanism))).transport.abort()
        assert scripted.said == b"A1 AUTHENTICATE %b %b\r\n" % (mechanism.encode(), response)
