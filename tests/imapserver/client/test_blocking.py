"""The mixin for imaplib, against the whole server."""

import imaplib
import json
import random
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from imapserver.client import (
    IMAP4,
    IMAP4_SSL,
    Failed,
    Interactive,
    Malformed,
    NotPermitted,
    OverLimit,
    Overrun,
    Verb,
)
from imapserver.client.result import Status
from tests.support.server import Server

MEBIBYTE = 1024 * 1024


@pytest.fixture(params=["imap", "imaps"])
def imap(request: pytest.FixtureRequest, server: Server) -> Iterator[IMAP4 | IMAP4_SSL]:
    if request.param == "imap":
        imap: IMAP4 | IMAP4_SSL = IMAP4(*server.imap, timeout=30)
    else:
        context = ssl.create_default_context(cafile=str(server.data / "tls" / "certificate.pem"))
        imap = IMAP4_SSL(*server.imaps, ssl_context=context, timeout=30)
    with imap:
        imap.login("demo", "demo")
        yield imap
        assert imap.noop()[0] == "OK"


def test_one_shot_returns_output_and_exit(imap: IMAP4) -> None:
    added = imap.execute("blacklist", "add", "joe@smith.com").check()
    assert (added.output, added.status, added.end.text) == (b"", 0, "blacklist completed")
    assert "joe@smith.com\n" in imap.execute("blacklist", "list").text
    failed = imap.execute("exits", "3")
    assert (failed.ok, failed.status) == (False, 3)
    with pytest.raises(Failed, match=r"NO \[EXIT 3\]") as error:
        failed.check()
    assert error.value.result is failed
    assert imap.execute("dies", "TERM").end.code == "SIGNAL 15"
    assert imap.execute("both").errors == b"err\n"


def test_any_octets_come_out(imap: IMAP4) -> None:
    assert imap.execute("prints", r"a\nx1 OK [EXIT 0] done\n\0\0377* BYE\n{5}\n)").output == (
        b"a\nx1 OK [EXIT 0] done\n\0\xff* BYE\n{5}\n)"
    )
    assert imap.execute("many-octets", "3000000").output == b"x" * 3_000_000


def test_argument_arrives_as_it_is(imap: IMAP4) -> None:
    arguments = [
        "",
        "a b",
        'say "no"\\',
        "ünï",
        "ünï {3+}",
        "{3}",
        "{3+}",
        "(PROMPT)",
        "NIL",
        "*",
        "%",
        "a]b",
        "x9 NOOP",
    ]
    dump = imap.execute("argdump", *arguments).check().text
    assert json.loads(dump)["argv"][1:] == [argument.encode().decode("latin-1") for argument in arguments]


def test_lines_in_an_argument_are_one_argument(imap: IMAP4) -> None:
    """The verb's signature refuses it, and no command was made of it."""
    for argument in ("x\r\nx9 LOGOUT", "{3+}\r\nabc", b"\xff\r\n"):
        with pytest.raises(Malformed, match="usage"):
            imap.execute("argdump", argument)
        assert imap.noop()[0] == "OK"


def test_what_can_not_be_said_is_not_sent(imap: IMAP4) -> None:
    for wrong in (("argdump", "a\0b"), ("argdump", "x" * 1025), ("two words",), ("x\r\nx1",), ("",), ('"(PROMPT)"',)):
        with pytest.raises(ValueError):
            imap.execute(*wrong)


def test_refusal_is_an_exception_of_its_kind(imap: IMAP4) -> None:
    with pytest.raises(NotPermitted, match="NOPERM"):
        imap.execute("secret")
    with pytest.raises(NotPermitted):
        imap.dialogue("secret")
    with pytest.raises(Malformed, match="usage: add"):
        imap.execute("blacklist", "frob")
    with pytest.raises(OverLimit) as error:
        imap.execute("octets", str(MEBIBYTE + 1))
    assert len(error.value.result.output) == MEBIBYTE
    with pytest.raises(Interactive):
        imap.execute("calendar")
    assert imap.execute("exits", "0").ok


def test_message_is_input(imap: IMAP4) -> None:
    for size in (0, 10, 1025, 5 * MEBIBYTE):
        octets = random.Random(size).randbytes(size)
        assert imap.execute("same", input=octets).output == octets
    with pytest.raises(OverLimit):
        imap.execute("same-small", input=b"x" * 5000)
    assert imap.execute("head", input=b"y" * 5_000_000).output == b"y" * 10


def test_message_for_a_dialogue_is_refused(imap: IMAP4) -> None:
    for size in (3, 5000):
        with pytest.raises((Malformed, OverLimit, Interactive)):
            imap.execute("echo", input=b"x" * size)


def test_output_can_be_shown_as_it_comes(imap: IMAP4) -> None:
    pieces: list[tuple[str, bytes]] = []
    result = imap.execute("both", show=lambda stream, data: pieces.append((stream, data)))
    assert sorted(pieces) == [("STDERR", b"err\n"), ("STDOUT", b"out\n")]
    assert (result.output, result.errors, result.ok) == (b"", b"", True)


def test_dialogue_beside_mail_and_other_dialogues(imap: IMAP4) -> None:
    imap.select("INBOX")
    with imap.dialogue("calendar") as calendar, imap.dialogue("echo") as echo:
        calendar.write(b"list schedule today 8:00 8:30\n")
        pid = echo.readline()
        echo.write(b"1\n2\n\0\xff")
        assert imap.execute("exits", "0").ok
        assert imap.noop()[0] == "OK"
        assert imap.search(None, "ALL")[0] == "OK"
        assert calendar.readline() == b"8:00 make coffee\n"
        assert echo.read(1) == b"1"
        assert echo.readline() == b"\n"
        echo.close_input()
        assert echo.read() == b"2\n\0\xff"
        assert echo.read() == echo.readline() == b""
        assert echo.wait().status == 0
        calendar.write(b"quit\n")
        assert list(calendar) == [b"ok\n"]
        assert calendar.wait().check().end.text == "calendar completed"
        with pytest.raises(BrokenPipeError):
            calendar.write(b"more\n")
    assert pid.strip().isdigit()


def test_leaving_the_block_cancels(imap: IMAP4, server: Server) -> None:
    with imap.dialogue("echo"):
        pass
    assert server.exits("echo")[-1] == "canceled"
    with pytest.raises(KeyError), imap.dialogue("echo"):
        raise KeyError
    with imap.dialogue("echo") as echo:
        echo.cancel()
        assert echo.wait().end.code == "CANCELED"


def test_cancel_by_tag(imap: IMAP4) -> None:
    with imap.dialogue("echo") as echo:
        assert imap.cancel(echo.tag)
        assert echo.wait().end.code == "CANCELED"
        assert not imap.cancel(echo.tag)
    assert not imap.cancel('no"such')


def test_program_that_reads_no_more_breaks_the_pipe(imap: IMAP4) -> None:
    with imap.dialogue("deaf-input") as deaf:
        assert deaf.readline() == b"closed\n"
        with pytest.raises(BrokenPipeError):
            deaf.write(b"x")
    with imap.dialogue("brief-echo") as brief:
        with pytest.raises(BrokenPipeError):
            brief.write(b"x" * 2000)
        with pytest.raises(OverLimit):
            brief.wait()


def test_megabytes_there_and_back(imap: IMAP4) -> None:
    octets = random.Random(4).randbytes(3 * MEBIBYTE)
    with imap.dialogue("echo") as echo:
        echo.readline()
        echo.write(octets)
        echo.close_input()
        assert echo.wait().check().output == octets


def test_dialogue_that_nobody_reads_is_canceled(imap: IMAP4) -> None:
    imap.unread = MEBIBYTE
    with imap.dialogue("flood-lines") as flood:
        assert flood.read(2) == b"y\n"
        while not flood._received.overrun:
            assert imap.noop()[0] == "OK"
        with pytest.raises(Overrun):
            flood.readline()
        with pytest.raises(Overrun):
            flood.wait()
    assert imap.execute("exits", "0").ok


def test_mail_is_appended_while_a_dialogue_floods(imap: IMAP4) -> None:
    """Neither side may wait for the other to read first."""
    mailbox = f"kit{time.monotonic_ns()}"
    imap.create(mailbox)
    with imap.dialogue("flood-lines"):
        assert imap.append(mailbox, None, None, b"Subject: x\r\n\r\n" + b"z" * 6_000_000)[0] == "OK"
    imap.delete(mailbox)


def test_dialogue_of_a_one_shot_verb_streams_it(imap: IMAP4) -> None:
    with imap.dialogue("many-octets", "5000000") as octets:
        assert sum(map(len, iter(lambda: octets.read(100_000), b""))) == 5_000_000
        assert octets.wait().ok


def test_server_that_takes_no_more_is_a_timeout(server: Server, stuck: str) -> None:
    imap = IMAP4(*server.imap, timeout=30)
    imap.login("demo", "demo")
    imap.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        imap.execute(stuck, input=b"x" * 30 * MEBIBYTE)
    imap.shutdown()


def test_verbs_and_what_they_take(imap: IMAP4) -> None:
    verbs = {verb.name: verb for verb in imap.verbs()}
    assert verbs["calendar"].interactive
    assert verbs["blacklist"] == Verb("blacklist", "one-shot", verbs["blacklist"].usage)
    assert verbs["blacklist"].usage.startswith("add ADDRESS | remove ADDRESS")
    assert imap.describe("blacklist")["title"] == "blacklist"
    with pytest.raises(NotPermitted):
        imap.describe("secret")


def test_converse_asks_when_a_line_is_wanted(imap: IMAP4) -> None:
    said: list[bytes] = []
    lines = iter(["list schedule today 8:00 8:30", b"quit"])
    result = imap.converse("calendar", show=lambda _, data: said.append(data), ask=lambda: next(lines))
    assert b"".join(said) == b"8:00 make coffee\nok\n"
    assert result.check().status == 0
    assert imap.converse("calendar", show=print, ask=lambda: None).end.code == "CANCELED"
    with pytest.raises(ValueError, match="line"):
        imap.converse("calendar", show=print, ask=lambda: "two\nlines")
    assert imap.noop()[0] == "OK"


def test_mail_command_is_shown_as_it_comes(imap: IMAP4) -> None:
    shown: list[bytes] = []

    def say(line: str, answer: str | None = None) -> Status:
        shown.clear()
        return imap.command(line, show=shown.append, ask=lambda: answer)

    assert say("APPEND INBOX {10}", "Subject: x").condition == "OK"
    assert shown[0].startswith(b"+ ")
    imap.append("INBOX", None, None, b"Subject: whole\r\n\r\nx1 OK\r\n")
    assert say("SELECT INBOX").condition == "OK"
    assert say("FETCH * BODY.PEEK[]").condition == "OK"
    assert shown[1] == b"Subject: whole\r\n\r\nx1 OK\r\n"
    assert say("EXECUTE calendar").code == "CANCELED"


def test_starttls(server: Server) -> None:
    context = ssl.create_default_context(cafile=str(server.data / "tls" / "certificate.pem"))
    with IMAP4(*server.imap, timeout=15) as imap:
        imap.starttls(context)
        imap.login("demo", "demo")
        assert imap.execute("prints", "x").output == b"x"


def test_before_login_it_is_imaplibs_own_error(server: Server) -> None:
    with IMAP4(*server.imap, timeout=15) as imap, pytest.raises(imaplib.IMAP4.error, match="illegal in state"):
        imap.execute("exits", "0")


def test_plain_imaplib_use_goes_on(imap: IMAP4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(imaplib.Commands, "EXECUTE", ("AUTH", "SELECTED"))
    assert imap.xatom("EXECUTE", "prints", "xyz")[0] == "OK"
    assert imap.response("EXECUTE")[1][0][1] == b"xyz"


def test_lost_connection_is_abort(site: Server) -> None:
    with site.running("--engine", "none"):
        imap = IMAP4(*site.imap, timeout=15)
        imap.login("demo", "demo")
        with pytest.raises(imaplib.IMAP4.abort), imap.dialogue("echo") as echo:
            echo.readline()
            imap.sock.shutdown(socket.SHUT_RDWR)
            echo.readline()
        imap.shutdown()
