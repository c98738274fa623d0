"""What the libraries do not send: extensions, literals of each kind, and many commands at once, octet by octet."""

from hashlib import sha256

import pytest

from tests.interop.messages import message, seeds
from tests.interop.places import Both, Place
from tests.support.conversation import Client

DATE = b'"28-Mar-2021 00:59:59 +0000"'


def connect(place: Place) -> Client:
    client = Client((place.host, place.port), tls=place.context() if place.tls else None)
    return client.log_in(place.user)


def literal(data: bytes, *, plus: bool = True, binary: bool = False) -> bytes:
    return b"%b{%d%b}\r\n%b" % (b"~" if binary else b"", len(data), b"+" if plus else b"", data)


def say(client: Client, *parts: bytes) -> list[bytes]:
    """Send a command in parts, each after a continuation request; return all responses."""
    for number, part in enumerate(parts):
        if number:
            assert client.read_line().startswith(b"+ ")
        client.send(part)
    client.send(b"\r\n")
    return client.responses(parts[0].split(b" ")[0].decode())


def appended(client: Client) -> list[list[bytes]]:
    small, other = message(3), message(12)
    nul = b"Subject: binary\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes(range(256)) * 10
    head, body = literal(other, plus=False).split(b"\r\n", 1)
    header_of_first = b'URL "/INBOX/;UID=1/;SECTION=HEADER"'
    return [
        say(client, b"a1 APPEND INBOX (\\Seen) " + DATE + b" " + literal(small)),
        say(client, b"a2 APPEND INBOX " + DATE + b" " + head + b"\r\n", body),
        say(client, b"a3 APPEND INBOX () " + DATE + b" " + literal(small) + b" ($A) " + DATE + b" " + literal(other)),
        say(client, b"a4 APPEND INBOX " + DATE + b" " + literal(nul, binary=True)),
        say(client, b"a5 APPEND INBOX CATENATE (" + header_of_first + b" TEXT " + literal(b"Joined\r\n") + b")"),
        say(client, b"a6 APPEND nosuchmailbox " + literal(small)),
        say(client, b"a7 APPEND nosuchmailbox {10}"),
        say(client, b"a8 APPEND INBOX " + literal(b"")),
    ]


def named(client: Client) -> list[list[bytes]]:
    return [
        say(client, b'b1 CREATE "brace{5}"'),
        say(client, b"b2 CREATE " + literal(b'quo"te')),
        say(client, b'b3 CREATE "back\\\\slash"'),
        say(client, b"b4 SUBSCRIBE " + literal(b"brace{5}")),
        say(client, b'b5 LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN STATUS (MESSAGES UIDNEXT) SPECIAL-USE)'),
        say(client, b'b6 LIST "" ("%" "x*") RETURN (SUBSCRIBED)'),
        say(client, b'b7 SELECT "brace{5}"'),
        say(client, b"b8 EXAMINE " + literal(b'quo"te')),
        say(client, b"b9 SELECT nosuchmailbox"),
        say(client, b"b10 RENAME " + literal(b'quo"te') + b" " + literal(b"renamed {7}")),
        say(client, b"b11 STATUS " + literal(b"renamed {7}") + b" (MESSAGES SIZE HIGHESTMODSEQ)"),
        say(client, b"b12 NAMESPACE"),
        say(client, b'b13 ID ("name" "interop")'),
        say(client, b"b14 ID NIL"),
    ]


def read(client: Client) -> list[list[bytes]]:
    return [
        say(client, b"c1 ENABLE QRESYNC"),
        say(client, b"c2 SELECT INBOX (QRESYNC (1 1 1:10))"),
        say(client, b"c3 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)"),
        say(client, b"c4 FETCH 1:* (UID MODSEQ BINARY.SIZE[1] PREVIEW)"),
        say(client, b"c5 FETCH 1:* (BINARY.PEEK[1])"),
        say(client, b"c6 FETCH 1:3 (BODY.PEEK[]<0.100> BODY.PEEK[TEXT]<50.1000000> RFC822.HEADER)"),
        say(client, b"c7 SEARCH RETURN (MIN MAX COUNT SAVE) NOT SEEN"),
        say(client, b"c8 UID FETCH $ (FLAGS)"),
        say(client, b"c9 SEARCH CHARSET UTF-8 BODY " + literal("Größe".encode())),
        say(client, 'c10 SEARCH CHARSET UTF-8 OR BODY "Größe" SUBJECT "{3}"'.encode()),
        say(client, b"c11 SORT RETURN (ALL) (SUBJECT) UTF-8 ALL"),
        say(client, b"c12 STORE 1:3 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Flagged $B)"),
        say(client, b"c13 UID STORE 2,4 FLAGS (\\Deleted)"),
        say(client, b"c14 UID EXPUNGE 1:3"),
        say(client, b"c15 UID MOVE 5 " + literal(b"brace{5}")),
        say(client, b"c16 UID FETCH " + b",".join(b"%d" % uid for uid in range(1, 12_000)) + b" (FLAGS)"),
        say(client, b"c17 FETCH 999 (FLAGS)"),
        say(client, b"c18 NOSUCHCOMMAND"),
        say(client, b"c19 FETCH"),
        say(client, b"c20 UNSELECT"),
    ]


def idled(client: Client, place: Place) -> list[list[bytes]]:
    """IDLE while another client changes the mailbox, and once without anything."""
    said = [say(client, b"d1 SELECT INBOX")]
    client.send(b"d2 IDLE\r\n")
    assert client.read_line().startswith(b"+ ")
    with place.another_client() as imap:
        imap.select("INBOX")
        imap.store("1", "+FLAGS", "$Elsewhere")
    said.append([client.response()])
    client.send(b"DONE\r\nd3 IDLE\r\n")
    said.append(client.responses("d2"))
    assert client.read_line().startswith(b"+ ")
    client.send(b"no end\r\n")
    said.append(client.responses("d3"))
    return said


def notified(client: Client, place: Place) -> list[list[bytes]]:
    said = [say(client, b"e1 NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge))")]
    with place.another_client() as imap:
        imap.append('"renamed {7}"', None, DATE.decode(), message(0))
    said.append([client.response()])
    said.append(say(client, b"e2 NOTIFY NONE"))
    return said


def at_once(client: Client) -> list[list[bytes]]:
    """Commands sent without waiting for responses, in one piece and octet by octet.

    Dovecot's order of the responses depends on how much of the rest it has when it begins."""
    commands = b"f1 NOOP\r\nf2 FETCH 1 (BODY.PEEK[])\r\nf3 STATUS INBOX (MESSAGES)\r\nf4 APPEND INBOX " + DATE
    commands += b" " + literal(message(7)) + b"\r\nf5 NOOP\r\nf6 FETCH 3 (UID BODY.PEEK[TEXT])\r\n"
    said = [say(client, b"f0 SELECT INBOX")]
    client.send(commands)
    said.append(sorted(answers(client, 6)))
    for octet in commands:
        client.send(bytes([octet]))
    said.append(sorted(answers(client, 6)))
    client.send(b"f7 LOGOUT\r\n")
    said.append(client.responses("f7"))
    assert client.closed()
    return said


def answers(client: Client, tagged: int) -> list[bytes]:
    """All responses up to the last of so many tagged ones."""
    responses: list[bytes] = []
    while sum(not response.startswith(b"* ") for response in responses) < tagged:
        responses.append(client.response())
    return responses


def work(place: Place) -> list[list[bytes]]:
    with connect(place) as client:
        said = appended(client) + named(client) + read(client)
        said += idled(client, place) + notified(client, place)
    with connect(place) as client:
        return said + at_once(client)


def test_extensions(both: Both) -> None:
    both.seed(seeds(12, flags=("", "S")))
    both.run(work, streams=False)


@pytest.mark.parametrize("transport", ["imap"])
def test_append_of_100_megabytes(both: Both) -> None:
    data = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * (100 * 1024 * 1024 // 17)

    def work(place: Place) -> list[str]:
        with connect(place) as client:
            said = say(client, b"a APPEND INBOX " + DATE + b" " + literal(data))
            said += say(client, b"b SELECT INBOX")
            large, _ = say(client, b"c FETCH 1 (BODY.PEEK[])")
            said += say(client, b"d STORE 1 +FLAGS.SILENT (\\Deleted)")
            said += say(client, b"e CLOSE")
            return [sha256(large).hexdigest(), *map(str, said)]

    both.run(work, streams=False)
