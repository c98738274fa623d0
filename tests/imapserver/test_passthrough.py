"""Logins in front of an operator's Dovecot that decides about them, with the client's own credentials."""

import base64
import hmac
import json
import time
from collections.abc import Iterator

import pytest

from tests.support.conversation import Client
from tests.support.dovecot import MASTER, ReferenceDovecot
from tests.support.process import descriptors, eventually
from tests.support.server import Server

CANARY = "S3cretCanary3"
FAILED = "NO [AUTHENTICATIONFAILED] wrong user name or password"
ODD = [
    b'p"a\\ss',
    b"{5}",
    b"{3+}",
    b"%u%%d",
    "é€ \u202e".encode(),
    b"\xe9\xff\x80",
    b" a  b ",
    b"*",
    b"NIL",
    b"x" * 500,
]
KEY = b"a key that the token's issuer and Dovecot share"

# Tokens are checked by their signature, no other server is asked.
BEARER = """
auth_mechanisms = plain login oauthbearer xoauth2
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {directory}/oauth2
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={directory}/keys/
username_attribute = sub
"""


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ReferenceDovecot]:
    dovecot = ReferenceDovecot(["demo", "ann", "newbie", "gone", "outsider"])
    directory = dovecot.directory
    with (directory / "users").open("a") as users:
        for number, password in enumerate([*ODD, CANARY.encode()]):
            users.write(f"odd{number}:{{PLAIN.b64}}{base64.b64encode(password).decode()}::::::\n")
    with (directory / "dovecot.conf").open("a") as configuration:
        configuration.write(BEARER.format(directory=directory))
    (directory / "oauth2").write_text(OAUTH2.format(directory=directory))
    key = directory / "keys" / "default" / "HS256" / "default"
    key.parent.mkdir(parents=True)
    key.write_text(base64.b64encode(KEY).decode())
    yield dovecot.start()
    dovecot.stop()


@pytest.fixture(scope="module")
def front(site: Server, dovecot: ReferenceDovecot) -> Iterator[Server]:
    url = f"imap://127.0.0.1:{dovecot.imap[1]}"
    with site.running("--engine", url, ENGINE_CA=str(dovecot.certificate)) as front:
        yield front


@pytest.fixture
def fresh(front: Server) -> Iterator[Client]:
    with Client(front.imap) as client:
        client.until(r"\* OK")
        yield client


def login(username: bytes, password: bytes) -> bytes:
    literals = len(username), username, len(password), password
    return b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % literals


def plain(username: bytes, password: bytes) -> bytes:
    return b"a AUTHENTICATE PLAIN " + base64.b64encode(b"\0" + username + b"\0" + password) + b"\r\n"


def answer(client: Client, command: bytes) -> str:
    client.send(command)
    return client.until("a ")[-1]


def users(front: Server) -> list[str]:
    return [name for (name,) in front.query("SELECT username FROM auth_user ORDER BY username")]


def last_login(front: Server) -> tuple[object, ...]:
    columns = "outcome, actor, reason"
    return front.query(f"SELECT {columns} FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1")[0]


# Who is who


def test_user_is_made_at_the_first_success(front: Server, fresh: Client) -> None:
    assert "newbie" not in users(front)
    assert answer(fresh, login(b"newbie", b"wrong")) == f"a {FAILED}"
    assert "newbie" not in users(front)
    assert answer(fresh, login(b"newbie", b"newbie")).startswith("a OK")
    query = "SELECT is_active, is_staff, is_superuser, password FROM auth_user WHERE username = 'newbie'"
    ((active, staff, superuser, password),) = front.query(query)
    assert (bool(active), bool(staff), bool(superuser)) == (True, False, False)
    assert password.startswith("!"), "it could log in on the web"
    assert last_login(front) == ("ok", "newbie", "")


@pytest.mark.parametrize("name", [b"Newbie", b"NEWBIE", b"newbie"])
def test_name_in_another_case_is_the_same_user(front: Server, fresh: Client, name: bytes) -> None:
    assert answer(fresh, login(name, b"newbie")).startswith("a OK")
    assert [user for user in users(front) if user.lower() == "newbie"] == ["newbie"]
    assert last_login(front) == ("ok", "newbie", "")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (f"newbie*{MASTER}", MASTER),
        *((name, "newbie") for name in ("newbie ", " newbie", "new bie", "newbie\t", "newbie\u200b", "newbie\u00a0")),
        *((name, "newbie") for name in ("\uff4eewbie", "n\u0435wbie", "newbi\u00e9", "newbie/", "newbie%u", "x" * 151)),
    ],
)
def test_name_of_another_form_is_nobody(front: Server, fresh: Client, name: str, password: str) -> None:
    before = users(front)
    for command in (login, plain):
        assert answer(fresh, command(name.encode(), password.encode())) == f"a {FAILED}"
    assert users(front) == before
    assert last_login(front)[2] == "no name for an engine's user"


def test_authorization_as_somebody_else_is_refused(fresh: Client) -> None:
    response = base64.b64encode(b"ann\0demo\0demo")
    assert answer(fresh, b"a AUTHENTICATE PLAIN " + response + b"\r\n") == f"a {FAILED}"


def test_inactive_user_is_refused_and_its_engine_connection_closed(front: Server, fresh: Client) -> None:
    front.python("from django.contrib.auth.models import User; User.objects.create_user('gone', is_active=False)")
    open_before = descriptors(front.pid)
    for password in (b"wrong", b"gone"):
        assert answer(fresh, login(b"gone", password)) == f"a {FAILED}"
    assert last_login(front) == ("failed", "gone", "not active")
    assert eventually(lambda: descriptors(front.pid) == open_before)
    assert fresh.command("c SELECT INBOX")[-1].startswith("c BAD")


def test_policy_holds_for_a_user_that_the_engine_has_brought(front: Server, fresh: Client) -> None:
    assert "EXECUTE" not in answer(fresh, login(b"outsider", b"outsider"))
    assert fresh.command("100 EXECUTE exits 0")[-1].startswith("100 NO [NOPERM]")
    front.python(
        "from commands.models import *; from django.contrib.auth.models import User;"
        "Rule.objects.create(user=User.objects.get(username='outsider'), verb=Verb.objects.get(name='exits'))"
    )
    assert fresh.command("100 EXECUTE exits 0") == ["100 OK [EXIT 0] exits completed"]
    assert "EXECUTE" in fresh.command("c CAPABILITY")[0].split()


# Passwords


@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_password_arrives_byte_for_byte(front: Server, number: int) -> None:
    username, password = f"odd{number}".encode(), ODD[number]
    with Client(front.imap) as client:
        client.until(r"\* OK")
        assert answer(client, plain(username, password + b"x")) == f"a {FAILED}"
    for command in (login, plain):
        with Client(front.imap) as client:
            client.until(r"\* OK")
            assert answer(client, command(username, password)).startswith("a OK")


def test_quoted_password_arrives_without_its_quotes(fresh: Client) -> None:
    assert answer(fresh, rb'a LOGIN odd0 "p\"a\\ss"' + b"\r\n").startswith("a OK")


@pytest.mark.parametrize("password", [b"demo\r\nA9 LOGOUT", b"demo\r", b"demo\n", b"\r\ndemo", b""])
def test_password_with_line_ends_or_none_is_no_password(front: Server, fresh: Client, password: bytes) -> None:
    assert answer(fresh, login(b"demo", password)) == f"a {FAILED}"
    assert last_login(front)[2] == "no password, or with NUL, CR or LF"
    assert answer(fresh, login(b"demo", b"demo")).startswith("a OK")


def test_password_with_nul_is_malformed(fresh: Client) -> None:
    assert answer(fresh, plain(b"demo", b"demo\0")) == f"a {FAILED}"
    assert answer(fresh, login(b"demo", b"demo\0")).startswith("a BAD")


def test_password_is_kept_nowhere(front: Server) -> None:
    token = base64.b64encode(f"user=demo\1auth=Bearer {CANARY}\1\1".encode())
    encoded = base64.b64encode(f"\0demo\0{CANARY}".encode())
    for number, command in enumerate(
        (
            login(b"demo", CANARY.encode()),
            plain(b"demo", CANARY.encode()),
            b"a AUTHENTICATE XOAUTH2 " + token + b"\r\n",
            login(f"odd{len(ODD)}".encode(), CANARY.encode()),
            b"a LOGIN demo " + CANARY.encode() + b" x\r\n",
            b"a AUTHENTICATE PLAIN " + encoded + b"!\r\n",
        )
    ):
        with Client(front.imap) as client:
            client.until(r"\* OK")
            assert answer(client, command).startswith("a OK" if number == 3 else ("a NO", "a BAD"))
    kept = [front.logged(), *map(repr, everything_in_the_database(front))]
    files = [path.read_bytes() for path in front.data.rglob("*") if path.is_file()]
    for secret in (CANARY, token.decode(), encoded.decode()):
        assert not any(secret in text for text in kept)
        assert not any(secret.encode() in data for data in files)


def everything_in_the_database(front: Server) -> Iterator[list[tuple[object, ...]]]:
    named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    if "DATABASE_URL" not in front.environment:
        named = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    for (table,) in front.query(named):
        yield front.query(f'SELECT * FROM "{table}"')


# Bearer tokens


def token_for(username: str, key: bytes = KEY) -> bytes:
    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    times = {"iat": int(time.time()) - 60, "exp": int(time.time()) + 3600}
    head = part(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
    signed = head + b"." + part(json.dumps({"sub": username, **times}).encode())
    return signed + b"." + part(hmac.digest(key, signed, "sha256"))


def bearer(mechanism: str, username: str, token: bytes) -> bytes:
    form = {
        "OAUTHBEARER": b"n,a=%b,\1host=localhost\1port=143\1auth=Bearer %b\1\1",
        "XOAUTH2": b"user=%b\1auth=Bearer %b\1\1",
    }[mechanism]
    response = base64.b64encode(form % (username.encode(), token))
    return f"a AUTHENTICATE {mechanism} ".encode() + response + b"\r\n"


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_bearer_token_is_the_engines_to_judge(front: Server, fresh: Client, mechanism: str) -> None:
    assert f"AUTH={mechanism}" in fresh.command("c CAPABILITY")[0].split()
    assert answer(fresh, bearer(mechanism, "demo", token_for("demo", b"another key"))) == f"a {FAILED}"
    # Whom the client names is who it is here: a token of somebody else's must not do.
    assert answer(fresh, bearer(mechanism, "demo", token_for("ann"))) == f"a {FAILED}"
    assert answer(fresh, bearer(mechanism, "Demo", token_for("demo"))).startswith("a OK")
    assert last_login(front) == ("ok", "demo", "")
    assert fresh.command("s SELECT INBOX")[-1].startswith("s OK")
    assert fresh.command("100 EXECUTE exits 0") == ["100 OK [EXIT 0] exits completed"]


# What the engine is told


def test_engines_log_has_the_clients_address_and_the_connection(front: Server, dovecot: ReferenceDovecot) -> None:
    with Client(front.imap, source="127.0.0.77") as client:
        client.log_in()
    assert eventually(lambda: "rip=127.0.0.77" in dovecot.log())
    (entry,) = [line for line in dovecot.log().splitlines() if "rip=127.0.0.77" in line and "Login: " in line]
    assert "user=<demo>" in entry and " TLS" in entry
    assert front.query("SELECT count(*) FROM commands_auditevent WHERE remote_addr = '127.0.0.77'") == [(1,)]
