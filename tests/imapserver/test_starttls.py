"""TLS on the side of the client: STARTTLS, what is said before it, IMAPS, certificates."""

import base64
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import certificates, peers
from tests.support.conversation import Client
from tests.support.engine import ScriptedEngine
from tests.support.process import eventually
from tests.support.server import Server

COMMON = {"IMAP4rev1", "LITERAL-", "SASL-IR", "ID"}
MECHANISMS = {"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=OAUTHBEARER", "AUTH=XOAUTH2"}
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
NEW = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
PLAIN = base64.b64encode(b"\0demo\0S3cretCanary9").decode()


def outer_address() -> str:
    """An address of this machine that is not loopback; empty if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return ""
        host: str = probe.getsockname()[0]
        return host


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the server reads; tests write another pair into it."""
    directory = tmp_path_factory.mktemp("certificate")
    return certificates.make(directory).rename(directory / "served.pem")


@pytest.fixture(scope="module")
def engine() -> Iterator[ScriptedEngine]:
    """It lets everybody in, and keeps what it is told."""
    with ScriptedEngine(lambda peer: (peer.log_in(), peer.hear_all())) as engine:
        yield engine


@pytest.fixture(scope="module")
def front(site: Server, engine: ScriptedEngine, certificate: Path) -> Iterator[Server]:
    """A server on all addresses, in front of that engine."""
    host = "[::]:0" if socket.has_dualstack_ipv6() else "0.0.0.0:0"
    arguments = ("--engine", engine.url, "--imap", host, "--imaps", host)
    with site.running(*arguments, ENGINE_TLS="off", TLS_CERTIFICATE=str(certificate)) as front:
        front.imap, front.imaps = (("127.0.0.1", port) for _, port in (front.imap, front.imaps))
        yield front


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    return trusting(certificate)


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def client(front: Server) -> Iterator[Client]:
    with Client(front.imap) as client:
        client.until(r"\* OK")
        yield client


@pytest.fixture
def outside(front: Server) -> Iterator[Client]:
    """A client that has not come from this machine, as far as the server can tell."""
    host = outer_address()
    if not host:
        pytest.skip("this machine has no address but loopback")
    with Client((host, front.imap[1])) as client:
        client.until(r"\* OK")
        yield client


def capabilities(client: Client) -> set[str]:
    return set(client.command("c CAPABILITY")[0].removeprefix("* CAPABILITY ").split())


# Before TLS


def test_capabilities_before_and_after(client: Client, tls: ssl.SSLContext) -> None:
    assert capabilities(client) == COMMON | MECHANISMS | {"STARTTLS"}
    client.start_tls(tls)
    assert capabilities(client) == COMMON | MECHANISMS


def test_no_password_is_asked_for_where_it_would_cross_a_network(outside: Client, tls: ssl.SSLContext) -> None:
    assert capabilities(outside) == COMMON | {"STARTTLS", "LOGINDISABLED"}
    outside.start_tls(tls)
    assert capabilities(outside) == COMMON | MECHANISMS


def test_greeting_says_the_same_as_capability(front: Server, tls: ssl.SSLContext) -> None:
    with Client(front.imap) as plain, Client(front.imaps).encrypt(tls) as encrypted:
        for client, more in ((plain, {"STARTTLS"}), (encrypted, set())):
            greeting = client.until(r"\* OK")[0]
            assert set(greeting.partition("[CAPABILITY ")[2].partition("]")[0].split()) == COMMON | MECHANISMS | more


@pytest.mark.parametrize(
    "command",
    [
        "LOGIN demo S3cretCanary9",
        "LOGIN {4+}\r\ndemo {13+}\r\nS3cretCanary9",
        "AUTHENTICATE PLAIN",
        f"AUTHENTICATE PLAIN {PLAIN}",
        "AUTHENTICATE LOGIN",
        "AUTHENTICATE XOAUTH2",
        "AUTHENTICATE NOSUCH",
    ],
)
def test_login_before_tls_is_refused_and_goes_no_further(
    outside: Client, front: Server, engine: ScriptedEngine, tls: ssl.SSLContext, command: str
) -> None:
    came = len(engine.peers)
    assert outside.command(f"a {command}") == ["a NO [PRIVACYREQUIRED] use STARTTLS first"]
    assert len(engine.peers) == came
    assert b"S3cretCanary9" not in engine.said and PLAIN.encode() not in engine.said
    outside.start_tls(tls)
    assert outside.command("b LOGIN demo demo")[-1].startswith("b OK")
    query = "SELECT outcome, tls FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1"
    ((outcome, encrypted),) = front.query(query)
    assert (outcome, bool(encrypted)) == ("ok", True)
    assert len(engine.peers) == came + 1


# STARTTLS


INJECTED = [
    b"b LOGIN demo demo\r\n",
    b"b LOGIN demo dem",
    b"b",
    b"\r\n",
    b"b CAPABILITY\r\nc LOGIN demo demo\r\n",
    b"b STARTTLS\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("injected", INJECTED)
def test_what_is_sent_behind_starttls_is_never_run(client: Client, engine: ScriptedEngine, injected: bytes) -> None:
    """In plain text, by somebody in between, to be read as if it had come encrypted."""
    came = len(engine.peers)
    client.send(b"a STARTTLS\r\n" + injected)
    assert client.read_to_end() == b"* BYE commands may not follow STARTTLS\r\n"
    assert len(engine.peers) == came


@pytest.mark.parametrize("injected", INJECTED[:3])
def test_what_is_sent_behind_the_answer_is_no_command(client: Client, engine: ScriptedEngine, injected: bytes) -> None:
    came = len(engine.peers)
    client.line("a STARTTLS")
    assert client.read_line() == b"a OK begin TLS"
    client.send(injected)
    client.socket.shutdown(socket.SHUT_WR)
    said = client.read_to_end()
    assert b"b " not in said and b"CAPABILITY" not in said
    assert len(engine.peers) == came


def test_starttls_is_offered_once(client: Client, front: Server, tls: ssl.SSLContext) -> None:
    client.start_tls(tls)
    with Client(front.imaps).encrypt(tls) as encrypted:
        encrypted.until(r"\* OK")
        for each in (client, encrypted):
            assert each.command("a STARTTLS") == ["a BAD STARTTLS is not possible here"]
            assert each.command("b LOGIN demo demo")[-1].startswith("b OK")
            assert each.command("c STARTTLS")[-1].startswith("c BAD")


def test_starttls_after_login_is_refused(client: Client) -> None:
    assert client.command("a LOGIN demo demo")[-1].startswith("a OK")
    assert client.command("b STARTTLS")[-1].startswith("b BAD")
    assert client.command("c CAPABILITY")[-1].startswith("c OK")


def test_starttls_with_arguments_is_bad(client: Client, tls: ssl.SSLContext) -> None:
    assert client.command("a STARTTLS now")[-1].startswith("a BAD")
    client.start_tls(tls)


def test_nothing_of_before_tls_counts_after_it(client: Client, tls: ssl.SSLContext) -> None:
    """Neither bad commands nor failed logins, of which three end a connection: who sent them is not known."""
    client.command('i ID ("name" "meddler")')
    for _ in range(2):
        for command in ("LOGIN {5+}\r\nde mo x", "LOGIN {5+}\r\nde mo x", "FROB", "FROB"):
            assert client.command(f"a {command}")[-1].startswith(("a NO", "a BAD"))
        if not isinstance(client.socket, ssl.SSLSocket):
            client.start_tls(tls)
    assert client.command("b LOGIN demo demo")[-1].startswith("b OK")


# Logins inside


def test_plain_can_be_canceled_and_tried_again(client: Client, tls: ssl.SSLContext) -> None:
    client.start_tls(tls)
    client.line("a AUTHENTICATE PLAIN")
    assert client.read_line() == b"+ "
    client.line("*")
    assert client.until("a ") == ["a BAD AUTHENTICATE canceled"]
    assert client.command(f"b AUTHENTICATE PLAIN {PLAIN}")[-1].startswith("b OK")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("initial", [True, False])
def test_authenticate_login_asks_for_name_and_password(
    client: Client, engine: ScriptedEngine, tls: ssl.SSLContext, initial: bool
) -> None:
    client.start_tls(tls)
    client.line(f"a AUTHENTICATE LOGIN {encoded('demo')}" if initial else "a authenticate login")
    if not initial:
        assert base64.b64decode(client.read_line().removeprefix(b"+ ")) == b"Username:"
        client.line(encoded("demo"))
    assert base64.b64decode(client.read_line().removeprefix(b"+ ")) == b"Password:"
    client.line(encoded('p"a\\ss %{u}é {5}'))
    assert client.until("a ")[-1].startswith("a OK")
    assert base64.b64decode(engine.peers[-1].lines[-1].split()[-1]).decode() == '\0demo\0p"a\\ss %{u}é {5}'


@pytest.mark.parametrize("answers", [["*"], ["ZGVtbw==", "*"], ["!"], ["ZGVtbw==", "!"]])
def test_authenticate_login_can_be_broken_off(client: Client, answers: list[str]) -> None:
    client.line("a AUTHENTICATE LOGIN")
    for answer in answers:
        assert client.read_line().startswith(b"+ ")
        client.line(answer)
    assert client.until("a ")[-1].startswith("a BAD")
    assert client.command("b LOGIN demo demo")[-1].startswith("b OK")


# Versions, and what there is none of


@pytest.fixture(params=["imap", "imaps"])
def handshake(request: pytest.FixtureRequest, front: Server) -> Iterator[Callable[[ssl.SSLContext], Client]]:
    """Begins TLS, by STARTTLS or from the start."""
    clients: list[Client] = []

    def handshake(tls: ssl.SSLContext) -> Client:
        clients.append(client := Client(getattr(front, request.param)))
        if request.param == "imaps":
            client.encrypt(tls).until(r"\* OK")
            return client
        client.until(r"\* OK")
        return client.start_tls(tls)

    yield handshake
    for client in clients:
        client.close()


@pytest.mark.parametrize("version", OLD)
def test_old_tls_is_refused(
    handshake: Callable[[ssl.SSLContext], Client], tls: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    certificates.speak_at_most(tls, version)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(tls)


@pytest.mark.parametrize("version", NEW)
def test_new_tls_is_spoken_without_compression(
    handshake: Callable[[ssl.SSLContext], Client], tls: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    certificates.speak_at_most(tls, version)
    client = handshake(tls)
    assert isinstance(client.socket, ssl.SSLSocket)
    assert client.socket.version() == {NEW[0]: "TLSv1.2", NEW[1]: "TLSv1.3"}[version]
    assert client.socket.compression() is None
    assert client.command("b LOGIN demo demo")[-1].startswith("b OK")


def s_client(front: Server, said: str, *options: str) -> str:
    openssl = peers.require("openssl", "openssl")
    target = f"127.0.0.1:{front.imaps[1]}"
    done = subprocess.run(
        [openssl, "s_client", "-connect", target, *options], input=said, capture_output=True, text=True, timeout=15
    )
    return done.stdout + done.stderr


def test_client_cannot_renegotiate(front: Server) -> None:
    said = s_client(front, "R\n", "-tls1_2")
    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said


def test_no_early_data_is_taken(front: Server) -> None:
    """It could be replayed (RFC 8446 section 8)."""
    assert "Max Early Data: 0" in s_client(front, "a LOGOUT\n", "-tls1_3", "-ign_eof", "-crlf")


# Handshakes that go nowhere


HELLO = bytes.fromhex("16030100c8010000c40303")


def test_handshakes_that_stand_still_are_closed(front: Server) -> None:
    began = time.monotonic()
    stalled: list[Client] = []
    for start in (b"", HELLO):
        stalled += [Client(front.imaps), client := Client(front.imap)]
        client.until(r"\* OK")
        assert client.command("a STARTTLS")[-1] == "a OK begin TLS"
        for each in stalled[-2:]:
            each.send(start)
    for each in stalled:
        with each:
            assert each.closed()
    assert 5 < time.monotonic() - began < 13


def test_plain_octets_on_imaps_are_closed_at_once(front: Server) -> None:
    began = time.monotonic()
    with Client(front.imaps) as client:
        client.line("a LOGIN demo demo")
        assert b"OK" not in client.read_to_end()
    assert time.monotonic() - began < 5


# Certificates


def served(front: Server, tls: ssl.SSLContext) -> bytes | None:
    with Client(front.imaps).encrypt(tls) as imaps, Client(front.imap) as imap:
        imap.until(r"\* OK")
        imap.start_tls(tls)
        first, second = (client.socket.getpeercert(True) for client in (imaps, imap))  # type: ignore[attr-defined]
        assert first == second
        return bytes(first)


def test_certificate_is_read_again_at_sighup(
    front: Server, certificate: Path, tmp_path: Path, tls: ssl.SSLContext
) -> None:
    before = served(front, tls)
    with Client(front.imaps).encrypt(tls).log_in() as old:
        for bad in ("junk", encrypted_pair(tmp_path)):
            certificate.write_text(bad)
            said = front.logged().count("can't be used")
            os.kill(front.pid, signal.SIGHUP)
            assert eventually(lambda: front.logged().count("can't be used") == said + 1)  # noqa: B023
            assert served(front, tls) == before
        certificates.make(tmp_path).replace(certificate)
        os.kill(front.pid, signal.SIGHUP)
        assert eventually(lambda: "was read again" in front.logged())
        after = served(front, trusting(certificate))
        assert after != before
        assert old.command("n CAPABILITY")[-1].startswith("n OK")
        assert old.socket.getpeercert(True) == before  # type: ignore[attr-defined]
        with pytest.raises(ssl.SSLCertVerificationError):
            served(front, tls)


def encrypted_pair(directory: Path) -> str:
    """A pair whose key needs a password, which nobody is there to type."""
    from cryptography.hazmat.primitives import serialization

    pair = certificates.make(directory).read_bytes()
    key = serialization.load_pem_private_key(pair, None)
    encryption = serialization.BestAvailableEncryption(b"secret")
    encrypted = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return (pair[: pair.index(b"-----BEGIN PRIVATE")] + encrypted).decode()


# IPv6


def test_ipv6_is_served_and_its_loopback_is_one(front: Server, tls: ssl.SSLContext) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with Client(("::1", front.imap[1])) as plain, Client(("::1", front.imaps[1])).encrypt(tls) as encrypted:
        plain.until(r"\* OK")
        assert capabilities(plain) == COMMON | MECHANISMS | {"STARTTLS"}
        plain.start_tls(tls)
        for client in (plain, encrypted):
            assert client.command("b LOGIN demo demo")[-1].startswith("b OK")
    query = "SELECT remote_addr FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1"
    assert [str(address) for (address,) in front.query(query)] == ["::1"]
