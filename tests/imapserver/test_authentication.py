"""LOGIN and AUTHENTICATE PLAIN: who this connection is, and what a failure tells."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.conversation import Client
from tests.support.process import resident
from tests.support.server import Server

PASSWORD = 'p"a\\ss %{u}é€ {5}'
"""With all that quoted strings, templates and 8-bit readers stumble on."""

FAILED = "NO [AUTHENTICATIONFAILED] wrong user name or password"


def plain(*parts: str) -> str:
    return base64.b64encode("\0".join(parts).encode()).decode()


def initial(response: str) -> str:
    return f"a AUTHENTICATE PLAIN {response}"


@pytest.fixture(scope="module")
def odd(server: Server) -> str:
    """The name of a user with an odd password."""
    server.python(f"""
from django.contrib.auth.models import User
User.objects.create_user("odd", password={PASSWORD!r})
""")
    return "odd"


@pytest.fixture
def fresh(client: Client) -> Iterator[Client]:
    client.until(r"\* OK")
    yield client


def test_plain_with_initial_response(fresh: Client) -> None:
    assert fresh.command(initial(plain("", "demo", "demo")))[-1].startswith("a OK [CAPABILITY ")


def test_plain_with_continuation(fresh: Client) -> None:
    fresh.line("a AUTHENTICATE plain")
    assert fresh.read_line() == b"+ "
    fresh.line(plain("demo", "demo", "demo"))
    assert fresh.until("a ")[-1].startswith("a OK [CAPABILITY ")
    assert fresh.command("b SELECT INBOX")[-1].startswith("b OK")


def test_cancel_and_then_a_login(fresh: Client) -> None:
    fresh.line("a AUTHENTICATE PLAIN")
    fresh.read_line()
    fresh.line("*")
    assert fresh.until("a ")[-1].startswith("a BAD")
    assert fresh.command("b LOGIN demo demo")[-1].startswith("b OK")


def test_other_mechanism_is_not_offered(fresh: Client) -> None:
    assert fresh.command("a AUTHENTICATE CRAM-MD5")[-1].startswith("a NO [CANNOT]")
    assert fresh.command("b NOOP") == ["b OK NOOP completed"]


@pytest.mark.parametrize("line", ["====", "AGRlbW8AZGVtb", "AGRl bW8AZGVtbw==", "AGRl\tbW8AZGVtbw==", "!", "ÄÖ", "*x"])
def test_bad_base64_is_bad_and_disturbs_nobody_else(server: Server, fresh: Client, line: str) -> None:
    with Client(server.imap) as half:
        half.until(r"\* OK")
        half.line("h AUTHENTICATE PLAIN")
        half.read_line()
        fresh.line("a AUTHENTICATE PLAIN")
        fresh.read_line()
        fresh.line(line)
        assert fresh.until("a ")[-1].startswith("a BAD")
        assert fresh.command(f"b AUTHENTICATE PLAIN {line}")[-1].startswith("b BAD")
        half.line(plain("", "ann", "ann"))
        assert half.until("h ")[-1].startswith("h OK")


def test_endless_base64_is_closed(server: Server, fresh: Client, bystander: Client) -> None:
    before = resident(server.pid)
    fresh.line("a AUTHENTICATE PLAIN")
    fresh.read_line()
    try:
        fresh.send(b"QUFB" * 256 * 1024 + b"\r\n")
    except ConnectionError:
        pass
    assert fresh.closed()
    assert resident(server.pid) - before < 1024 * 1024
    assert bystander.command("n NOOP")[-1].startswith("n OK")


@pytest.mark.parametrize(
    "parts",
    [
        *(("demo demo",), ("demo", "demo"), ("", "demo", "demo", ""), ("",) * 101),
        *(("", "", "demo"), ("", "demo", ""), ("ann", "demo", "demo"), ("", "demo\n", "demo")),
    ],
)
def test_malformed_plain_response_fails(fresh: Client, parts: tuple[str, ...]) -> None:
    assert fresh.command(initial(plain(*parts))) == [f"a {FAILED}"]
    assert " AUTH=PLAIN" in fresh.command("b CAPABILITY")[0]  # it is not logged in


def test_initial_response_may_be_empty(fresh: Client) -> None:
    assert fresh.command(initial("=")) == [f"a {FAILED}"]


def test_odd_password_arrives_byte_for_byte(server: Server, odd: str) -> None:
    quoted = PASSWORD.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    octets = PASSWORD.encode()
    for command in (
        f"a LOGIN {odd} {{{len(octets)}+}}\r\n".encode() + octets,
        f"a LOGIN {{{len(odd)}+}}\r\n{odd} {{{len(octets)}+}}\r\n".encode() + octets,
        initial(plain("", odd, PASSWORD)).encode(),
    ):
        with Client(server.imap) as client:
            client.until(r"\* OK")
            client.send(command + b"\r\n")
            assert client.until("a ")[-1].startswith("a OK")
    with Client(server.imap) as client:
        client.until(r"\* OK")
        client.send(b'a LOGIN odd "' + quoted + b'"\r\n')
        assert client.until("a ")[-1].startswith("a BAD")  # 8-bit is allowed in a literal alone


@pytest.mark.parametrize("password", ["demo\r\nb EXECUTE canary", "demo\r", "demo\n", "demo\x85", " demo"])
def test_password_with_line_ends_fails_and_injects_nothing(fresh: Client, canary: Path, password: str) -> None:
    octets = password.encode()
    fresh.send(b"a LOGIN demo {%d+}\r\n%b\r\n" % (len(octets), octets))
    assert fresh.until("a ") == [f"a {FAILED}"]
    assert fresh.command("c NOOP") == ["c OK NOOP completed"]


def test_nul_in_a_password_is_bad(fresh: Client) -> None:
    fresh.send(b"a LOGIN demo {5+}\r\ndemo\0\r\n")
    assert fresh.until("a ")[-1].startswith("a BAD")


@pytest.mark.parametrize("name", ["Demo", "DEMO", "demo ", " demo", "\uff44emo", "demo\u200b", "d\u0435mo"])
def test_name_of_another_form_is_no_second_identity(fresh: Client, name: str) -> None:
    octets = name.encode()
    fresh.send(b"a LOGIN {%d+}\r\n%b demo\r\n" % (len(octets), octets))
    assert fresh.until("a ") == [f"a {FAILED}"]


@pytest.mark.parametrize(
    "name", ["' OR 1=1 --", "%u%d%n", "${IFS}", "../x", "{0.__class__}", "x" * 1024, "\x1b]0;x\x07"]
)
def test_hostile_name_fails_and_is_recorded_harmlessly(server: Server, fresh: Client, name: str) -> None:
    octets = name.encode()
    fresh.send(b"a LOGIN {%d+}\r\n%b {1+}\r\nx\r\n" % (len(octets), octets))
    assert fresh.until("a ") == [f"a {FAILED}"]
    query = "SELECT outcome, actor FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1"
    ((outcome, actor),) = server.query(query)
    assert outcome == "failed"
    shown = name.replace("\x1b", "\\x1b").replace("\x07", "\\x07")
    assert actor == shown or (actor.endswith("…") and shown.startswith(actor[:-1]))


def test_unknown_user_and_wrong_password_look_the_same(fresh: Client) -> None:
    assert fresh.command("a LOGIN demo wrong") == fresh.command("a LOGIN nobody wrong") == [f"a {FAILED}"]


def test_login_after_login_is_refused(demo: Client) -> None:
    for command in ("LOGIN ann ann", initial(plain("", "ann", "ann"))[2:], "AUTHENTICATE PLAIN", "UNAUTHENTICATE"):
        assert demo.command(f"x {command}")[-1].startswith("x BAD")
    assert demo.execute("b EXECUTE argdump")[0].find(b'"IMAPX_USER": "demo"') > 0


@pytest.mark.parametrize("command", ["EXECUTE canary", "ADD blacklist a@b.c", 'CANCEL "1"', "SELECT INBOX", "FEED x"])
def test_nothing_is_run_before_login(fresh: Client, canary: Path, command: str) -> None:
    assert fresh.command(f"a {command}")[-1].startswith("a BAD")


def test_password_is_in_no_file_and_no_log(server: Server, fresh: Client, odd: str) -> None:
    secrets = ["S3cretCanary7", plain("", "demo", "S3cretCanary7")]
    fresh.command(f"a LOGIN demo {secrets[0]}")
    fresh.command(f"a LOGIN demo {secrets[0]} x")
    with Client(server.imap) as client:
        client.until(r"\* OK")
        client.command(initial(secrets[1]))
        client.command(initial(secrets[1] + "!"))
    needles = [secret.encode() for secret in secrets]
    texts = [path.read_bytes() for path in server.data.rglob("*") if path.is_file()] + [server.logged().encode()]
    assert not any(needle in text for needle in needles for text in texts)
