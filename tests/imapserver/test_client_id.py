"""What a client calls itself by ID is on record with its logins, its executions and what is refused."""

from collections.abc import Iterator

import pytest

from imapserver.client_id import client_id, client_id_of_line
from imapserver.wire.syntax import Literal
from tests.support import peers
from tests.support.conversation import Client
from tests.support.server import Server

MAKES = 'ID ("name" "Mutt" "version" "2.2.13")'


@pytest.mark.parametrize(
    ("fragments", "shown"),
    [
        ((b' ("name" "Thunderbird" "version" "128.5.0")',), "Thunderbird 128.5.0"),
        ((b' ("VERSION" "2" "Name" "x" "os" "linux")',), "x 2"),
        ((b' ("name" NIL "version" "1")',), "1"),
        ((b' ("name" ', Literal(b"two\r\nlines"), b' "version" ', Literal(b"1"), b")"), "two\r\nlines 1"),
        ((b' ("name" "\xe2\x80\xae")',), ""),  # 8-bit in a quoted string is no IMAP
        ((b' ("name" ', Literal("\u202e".encode()), b")"), "\u202e"),
        ((b' ("name" ', Literal(b"\xff"), b")"), "\udcff"),
        ((b" NIL",), ""),
        ((b" ()",), ""),
        ((b' ("os" "linux")',), ""),
        ((b"",), ""),
        ((), ""),
        ((b' ("name" "x',), ""),
        ((b' ("name" "x" "version")',), ""),
        ((b" (name x)",), ""),
        ((b' ("name" "x"' + b' "a" "b"' * 29 + b")",), "x"),
        ((b' ("name" "x"' + b"".join(b' "%d" "b"' % number for number in range(30)) + b")",), ""),  # more than allowed
        ((b' ("name" "' + b"x" * 500 + b'")',), "x" * 400),
    ],
)
def test_name_and_version_are_shown_and_nothing_else(fragments: tuple[bytes | Literal, ...], shown: str) -> None:
    assert client_id(fragments) == shown


def test_line_that_went_to_the_engine_is_read_too() -> None:
    assert client_id_of_line(b'a1 id ("name" "x" "version" "1")\r\n') == "x 1"
    assert client_id_of_line(b'a1 ID ("name" {1}\r\n') == ""
    assert client_id_of_line(b"") == ""


@pytest.fixture(scope="module")
def plain(site: Server) -> Iterator[Server]:
    with site.running("--engine", "none") as server:
        yield server


@pytest.fixture(scope="module")
def with_engine(server: Server) -> Server:
    peers.require("dovecot", "dovecot-imapd")
    return server


def last(server: Server, columns: str, where: str = "TRUE", table: str = "auditevent") -> tuple[object, ...]:
    order = "started" if table == "execution" else "id"
    where = where if server.environment.get("DATABASE_URL") else where.replace("TRUE", "1")
    return server.query(f"SELECT {columns} FROM commands_{table} WHERE {where} ORDER BY {order} DESC LIMIT 1")[0]


def test_id_before_login_is_on_record_with_login_execution_and_refusal(plain: Server) -> None:
    with Client(plain.imap) as client:
        client.until(r"\* OK")
        assert client.command(f"i {MAKES}")[-1] == "i OK ID completed"
        client.command("l LOGIN demo demo")
        assert last(plain, "kind, client_id") == ("login", "Mutt 2.2.13")
        client.command("1 EXECUTE true")
        assert last(plain, "kind, client_id") == ("reject", "Mutt 2.2.13")
        client.command("2 EXECUTE exits 0")
        assert last(plain, "kind, client_id") == ("exit", "Mutt 2.2.13")
        assert last(plain, "client_id", "kind = 'accept'") == ("Mutt 2.2.13",)
        assert last(plain, "client_id", table="execution") == ("Mutt 2.2.13",)


def test_id_that_goes_to_the_engine_is_on_record_from_then_on(with_engine: Server) -> None:
    with Client(with_engine.imap).log_in() as client:
        assert last(with_engine, "kind, client_id") == ("login", "")
        answer = client.command(f"i {MAKES}")
        assert "Dovecot" in answer[0]  # it is the engine's still
        client.command("1 EXECUTE exits 0")
        assert last(with_engine, "kind, client_id") == ("exit", "Mutt 2.2.13")


def test_id_in_plain_text_counts_no_more_after_starttls(plain: Server) -> None:
    import ssl

    tls = ssl.create_default_context(cafile=str(plain.data / "tls" / "certificate.pem"))
    with Client(plain.imap) as client:
        client.until(r"\* OK")
        client.command(f"i {MAKES}")
        client.start_tls(tls)
        client.command("l LOGIN demo demo")
        assert last(plain, "kind, client_id") == ("login", "")
