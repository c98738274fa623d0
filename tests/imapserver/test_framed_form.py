"""The framed form: FEED and literals, binary-safe, with flow control, any number at once (PROTOCOL section 5)."""

import random

from tests.support.conversation import OUTPUT, Client
from tests.support.server import Server

MEBIBYTE = 1024 * 1024


def feed(tag: str, octets: bytes, name: str = "f") -> bytes:
    return b'%b FEED "%b" ~{%d+}\r\n%b\r\n' % (name.encode(), tag.encode(), len(octets), octets)


def end_input(tag: str, name: str = "e") -> bytes:
    return f'{name} FEED "{tag}" NIL\r\n'.encode()


def outputs(responses: list[bytes]) -> dict[bytes, bytes]:
    """What each tag has put out."""
    found: dict[bytes, bytes] = {}
    for match in filter(None, map(OUTPUT.fullmatch, responses)):
        found[match[1]] = found.get(match[1], b"") + match[3]
    return found


def test_each_feed_is_answered_and_nil_closes_the_input(demo: Client) -> None:
    demo.line("100 EXECUTE (FRAMED) calendar")
    demo.send(b'101 FEED "100" {29+}\r\nlist schedule today 8:00 8:30\r\n')
    demo.send(feed("100", b"\n", "102") + end_input("100", "103"))
    responses = demo.responses("100")
    assert [line for line in responses if line.startswith(b"10")] == [
        b"101 OK fed\r\n",
        b"102 OK fed\r\n",
        b"103 OK input closed\r\n",
        b"100 OK [EXIT 0] calendar completed\r\n",
    ]
    assert outputs(responses)[b"100"].startswith(b"8:00 make coffee\nok\n")


def test_any_octets_go_in_and_come_out(demo: Client) -> None:
    octets = bytes(range(256)) * 3 + b"100 OK [EXIT 0] x\r\n* BYE\r\n)\r\n{5}\r\n"
    demo.line("100 EXECUTE (FRAMED) echo")
    demo.send(feed("100", octets) + end_input("100"))
    output, end = demo.output("100")
    assert output.partition(b"\n")[2] == octets
    assert end == "100 OK [EXIT 0] echo completed"


def test_interleaved_executions_keep_their_octets_apart(demo: Client) -> None:
    chance = random.Random(7)
    tags = [f"x{number}" for number in range(12)]
    sent = dict.fromkeys(tags, b"")
    demo.send(b"".join(f"{tag} EXECUTE (FRAMED) echo\r\n".encode() for tag in tags))
    for number in range(300):
        tag = chance.choice(tags)
        octets = chance.randbytes(chance.randrange(2000))
        sent[tag] += octets
        demo.send(feed(tag, octets, f"f{number}"))
        if number % 50 == 0:
            demo.send(b"n%d NOOP\r\n" % number)
    demo.send(b"".join(end_input(tag, f"e{tag}") for tag in tags))
    responses: list[bytes] = []
    ends: set[bytes] = set()
    while len(ends) < len(tags):
        responses.append(demo.response())
        if b" OK [EXIT 0] echo completed" in responses[-1]:
            ends.add(responses[-1].split()[0])
    assert sum(b" OK fed" in line for line in responses) == 300
    for tag, output in outputs(responses).items():
        assert output.partition(b"\n")[2] == sent[tag.decode()]


def test_feed_to_nobody_gets_bad(demo: Client) -> None:
    assert demo.command('f FEED "nobody" "x"') == ["f BAD no execution in the framed form has this tag"]
    demo.line("100 EXECUTE calendar")
    demo.until("100 OK")
    assert demo.command('f FEED "100" "x"')[-1] == "f BAD no execution in the framed form has this tag"
    demo.line('c CANCEL "100"')
    demo.until("100 NO")


def test_feed_that_nobody_reads_any_more_is_refused(demo: Client) -> None:
    demo.line("100 EXECUTE (FRAMED) deaf-input")
    assert b"closed" in demo.response()
    demo.send(feed("100", b"x" * 10))
    assert demo.until("f ")[-1] == "f NO [CANNOT] the execution reads no more"
    demo.line('c CANCEL "100"')
    demo.until("100 NO")


def test_feeds_that_wait_are_answered_before_the_end(demo: Client) -> None:
    demo.line("100 EXECUTE (FRAMED) mute")
    assert demo.response().endswith(b"ready\n)\r\n")
    # The first fills the pipe, and the others are never taken; then its idle limit ends it.
    full = feed("100", b"x" * 65_536, "f1")
    demo.send(full + feed("100", b"x", "f2") + feed("100", b"y", "f3") + end_input("100", "f4"))
    assert demo.until("100 ") == [
        "f1 OK fed",
        *(f"{name} NO [CANNOT] the execution reads no more" for name in ("f2", "f3", "f4")),
        "100 NO [TIMEOUT] mute took too long",
    ]


def test_program_that_does_not_read_stops_the_client_and_costs_no_memory(demo: Client, server: Server) -> None:
    demo.line("100 EXECUTE (FRAMED) mute")
    demo.socket.setblocking(False)
    sent = 0
    piece = feed("100", b"x" * 60_000)
    try:
        while sent < 64 * MEBIBYTE:
            sent += demo.socket.send(piece)
    except BlockingIOError:
        pass
    demo.socket.settimeout(15)
    assert sent < 32 * MEBIBYTE
    assert server.exits("true") is not None


def test_input_over_its_limit_ends_it(demo: Client) -> None:
    demo.line("100 EXECUTE (FRAMED) brief-echo")
    demo.send(feed("100", b"x" * 1025))
    lines = demo.until("100 ")
    assert lines[-1] == "100 NO [LIMIT] brief-echo went over its limit of input or output"
    assert "f NO [CANNOT] the execution reads no more" in lines


def test_megabytes_come_out_whole(demo: Client) -> None:
    demo.line("100 EXECUTE (FRAMED) echo")
    octets = random.Random(1).randbytes(3 * MEBIBYTE)
    responses: list[bytes] = []
    for start in range(0, len(octets), 65_536):
        demo.send(feed("100", octets[start : start + 65_536]))
        responses += demo.responses("f")
    demo.send(end_input("100"))
    responses += demo.responses("100")
    assert outputs(responses)[b"100"].partition(b"\n")[2] == octets


def test_output_of_both_streams_is_told_apart(demo: Client) -> None:
    demo.line("100 EXECUTE (FRAMED) both-dialogue")
    *pieces, end = demo.responses("100")
    assert end == b"100 OK [EXIT 0] both-dialogue completed\r\n"
    assert {match[2] for match in map(OUTPUT.fullmatch, pieces) if match} == {b"STDOUT", b"STDERR"}


def test_two_hundred_executions_at_once_on_one_connection(site: Server) -> None:
    count = 200
    limits = {"EXECUTIONS_PER_USER": str(count), "EXECUTIONS": str(count)}
    with site.running("--engine", "none", **limits), Client(site.imap) as client:
        client.log_in()
        tags = [f"x{number}" for number in range(count)]
        client.send(b"".join(f"{tag} EXECUTE (FRAMED) echo\r\n".encode() for tag in tags))
        running: dict[bytes, bytes] = {}
        while len(running) < count:  # each says its process id: all of them run
            running |= outputs([client.response()])
        client.send(b"".join(feed(tag, tag.encode() * 500) + end_input(tag) for tag in tags))
        responses: list[bytes] = []
        while sum(b" OK [EXIT 0] echo completed" in response for response in responses) < count:
            responses.append(client.response())
        assert outputs(responses) == {tag.encode(): tag.encode() * 500 for tag in tags}
