"""What holds for any octets, however they are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from imapserver.wire.events import CommandReceived, CommandRefused, DialogueLine, Event
from imapserver.wire.server_protocol import ServerProtocol
from tests.support.wire import THOROUGH, Conversation, pieces

TOKENS = [
    *(b"a ", b"b ", b"100 ", b"a", b"*", b"+"),
    *(
        b"EXECUTE",
        b"APPEND",
        b"LOGIN x y",
        b"LOGIN",
        b"AUTHENTICATE PLAIN",
        b"IDLE",
        b"DONE",
        b"NOOP",
        b"SELECT",
        b"ADD",
    ),
    *(b" {3}", b" {3+}", b" ~{3}", b"~{0+}", b"{", b"}", b"+}", b"3", b" {20}", b" {9999+}", b"{4294967296}"),
    *(b"\r\n", b"\r\n", b"\r\n", b"\r", b"\n", b" ", b'"', b"\\", b"(", b")", b"\0", b"\xff"),
]
soup = st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=4)), max_size=40).map(b"".join)
cuts = st.lists(st.integers(0, 400), max_size=40)
callers = st.fixed_dictionaries(
    {
        "logged_in": st.booleans(),
        "relaying": st.booleans(),
        "served": st.sampled_from([(), (b"ADD",)]),
        "dialogues": st.sampled_from([(), (b"100",), (b"100", b"a")]),
        "refuses": st.sampled_from([(), (b"a",)]),
    }
)


def answer(wire: ServerProtocol, command: CommandReceived) -> None:
    if command.name == b"LOGIN":
        wire.log_in(relaying=True, served=frozenset())
    elif command.name == b"AUTHENTICATE":
        wire.expect_continuation()


@settings(THOROUGH, max_examples=600)
@given(soup, cuts, callers)
def test_any_octets_make_the_same_events_however_they_are_cut(data, cuts, caller):
    """And raise nothing; nor does a command begin where a naive engine is inside of another: see Conversation."""
    whole = Conversation(**caller, on_command=answer).feed([data])
    assert Conversation(**caller, on_command=answer).feed(pieces(data, cuts)) == whole


# Whole conversations, of which it is known what they must give

HIDDEN = [
    b"B EXECUTE canary\r\n",
    b"z LOGIN x y\r\n",
    b"DONE\r\n",
    b"100 quit\r\n",
    b"x {3+}\r\n",
    b"\r\n",
    b'"',
    b"{5}",
    b"a OK\r\n",
]
contents = st.lists(st.one_of(st.sampled_from(HIDDEN), st.binary(max_size=8)), max_size=5).map(b"".join)
words = st.sampled_from([b"x", b"INBOX", b'"a b"', b'"\\"{3}"', b"(x y)", b"1:*"])


@st.composite
def arguments(draw) -> bytes:
    written = []
    for _ in range(draw(st.integers(0, 3))):
        literal = draw(st.booleans())
        content = draw(contents).replace(b"\0", b"") if literal else b""
        mark = draw(st.sampled_from([b" {%d}\r\n", b" {%d+}\r\n", b" ~{%d+}\r\n"]))
        written.append(mark % len(content) + content if literal else b" " + draw(words))
    return b"".join(written)


@st.composite
def conversations(draw) -> tuple[bytes, bytes, list[tuple[type[Event], bytes]]]:
    """All octets; those for the engine; the tags of what is not for it, in order."""
    octets, relayed, others = b"", b"", []
    for number in range(draw(st.integers(1, 8))):
        tag = b"T%d" % number
        kind = draw(st.sampled_from(["served", "relayed", "idle", "dialogue", "refused"]))
        rest = draw(arguments()) + b"\r\n"
        if kind == "idle":
            line = b"x" + draw(contents).translate(None, b"\r\n\0") + b"\r\n"  # under no dialogue's tag
            command = tag + b" IDLE\r\n" + line
            relayed += command
        elif kind == "dialogue":
            command = b"100 " + draw(contents).translate(None, b"\r\n") + b"\r\n"
            others.append((DialogueLine, b"100"))
        elif kind == "served":
            command = tag + b" " + draw(st.sampled_from([b"EXECUTE", b"execute", b"CANCEL", b"ADD"])) + rest
            others.append((CommandReceived, tag))
        elif kind == "refused":
            # Without synchronizing literals: a client sends those only when it is asked to.
            rest = b" x {%d+}\r\n" % len(content := draw(contents)) + content + b"\r\n"
            command = tag + b" " + draw(st.sampled_from([b"LOGIN", b"COMPRESS", b"UNAUTHENTICATE"])) + rest
            others.append((CommandRefused, tag))
        else:
            command = tag + b" " + draw(st.sampled_from([b"APPEND", b"UID", b"SEARCH"])) + rest
            relayed += command
        octets += command
    return octets, relayed, others


@settings(THOROUGH, max_examples=200)
@given(conversations(), cuts)
def test_engine_gets_its_commands_octet_for_octet_and_no_served_one_comes_out_of_a_literal(conversation, cuts):
    octets, relayed, others = conversation
    had = Conversation(served=[b"ADD"], dialogues=[b"100"])
    had.feed(pieces(octets, cuts))
    assert had.relayed == relayed
    kinds = (CommandReceived, CommandRefused, DialogueLine)
    assert [(type(event), event.tag) for event in had.events if isinstance(event, kinds)] == others
    assert len(had.wire) == 0
