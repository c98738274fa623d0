"""The short way of a plain command or a line of a dialogue gives what the general way gives, or leaves it to that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapserver.wire import limits
from imapserver.wire.events import DialogueLine, Event, RelayStarted
from imapserver.wire.server_protocol import ServerProtocol
from tests.imapserver.wire.test_server_protocol_properties import answer, conversations, cuts, soup
from tests.support.wire import THOROUGH, Conversation, pieces

FACED = {"served": [b"ADD"], "dialogues": [b"100"]}


class Short(Conversation):
    """One whose caller tries the short way first, with every piece."""

    taken = 0

    def feed(self, chunks) -> list[Event]:
        for chunk in chunks:
            event = self.wire.receive_plain(chunk)
            if event is None:
                super().feed([chunk])
            else:
                self.taken += 1
                self._take(event)
        return self.events


def protocol(**told) -> ServerProtocol:
    wire = ServerProtocol()
    wire.log_in(**({"relaying": True, "served": frozenset({b"ADD"})} | told))
    wire.begin_dialogue(b"100")
    return wire


def line_ends(data: bytes) -> list[int]:
    """Cuts behind each line, where the short way may be taken; hypothesis adds others."""
    return [end + 1 for end in range(len(data)) if data[end : end + 1] == b"\n"]


@THOROUGH
@given(soup, cuts, st.booleans())
def test_any_octets_make_the_same_events_by_the_short_way(data, others, lines):
    general = Conversation(**FACED, on_command=answer).feed([data])
    short = Short(**FACED, on_command=answer).feed(pieces(data, [*others, *(line_ends(data) if lines else ())]))
    assert short == general


@THOROUGH
@given(conversations(), cuts, st.booleans())
def test_whole_commands_make_the_same_events_by_the_short_way(conversation, others, lines):
    data, _, _ = conversation
    general, short = Conversation(**FACED), Short(**FACED)
    general.feed([data])
    short.feed(pieces(data, [*others, *(line_ends(data) if lines else ())]))
    assert short.events == general.events
    assert short.relayed == general.relayed
    assert len(short.wire) == 0


@pytest.mark.parametrize("line", [b"a noop\r\n", b"a NOOP \r\n", b"a UID FETCH 1:* (FLAGS BODY.PEEK[HEADER]<0.9>)\r\n"])
def test_plain_command_takes_the_short_way(line):
    wire = protocol()
    tag, name, *_ = line.split()
    assert wire.receive_plain(line) == RelayStarted(tag, name.upper(), line)
    assert wire.next_event() is None
    assert len(wire) == 0


@pytest.mark.parametrize("text", [b"", b" ", b"NOOP", b'{3} "\0\xff', b"one\rtwo\r"])
@pytest.mark.parametrize("relaying", [False, True])
def test_line_of_a_dialogue_takes_the_short_way_verbatim(text, relaying):
    wire = protocol(relaying=relaying)
    assert wire.receive_plain(b"100 " + text + b"\r\n") == DialogueLine(b"100", text)
    assert wire.next_event() is None
    assert len(wire) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"a NOOP",
        b"a NOOP\n",
        b"a NOOP\r\nb EXECUTE x\r\n",
        b"a NOOP\rb EXECUTE x\r\n",
        b"a NOOP\nb EXECUTE x\r\n",
        b"a NOOP \0\r\n",
        b"a NOOP\r\r\n",
        b"a APPEND INBOX {3}\r\n",
        b"a APPEND INBOX {3+}\r\n",
        b"a LIST {\r\n",
        b'a LIST "" x\r\n',
        b"a EXECUTE x\r\n",
        b"a execute x\r\n",
        b"a Add x\r\n",
        b"a LOGIN x y\r\n",
        b"a compress DEFLATE\r\n",
        b"a IDLE\r\n",
        b"100 one\r\n100 two\r\n",
        b"100 one\n",
        b"100 one",
        b"100\r\n",
        b"100 " + b"x" * limits.AUTHENTICATED.line + b"\r\n",
        b"+ NOOP\r\n",
        b"a  NOOP\r\n",
        b"a NOOP\xff\r\n",
        b"DONE\r\n",
        b"a" * (limits.TAG + 1) + b" NOOP\r\n",
        b"a NOOP " + b"x" * limits.AUTHENTICATED.line + b"\r\n",
    ],
)
def test_anything_else_is_left_to_the_general_way(data):
    wire = protocol()
    assert wire.receive_plain(data) is None
    assert len(wire) == 0


def test_nothing_is_plain_where_the_engine_is_not_relayed():
    assert ServerProtocol().receive_plain(b"a NOOP\r\n") is None
    assert protocol(relaying=False).receive_plain(b"a NOOP\r\n") is None


def test_nothing_is_plain_behind_what_waits():
    wire = protocol()
    wire.receive_data(b"100 ")
    assert wire.receive_plain(b"a NOOP\r\n") is None
    wire.receive_data(b"a NOOP\r\n")
    assert wire.next_event() == DialogueLine(b"100", b"a NOOP")


@pytest.mark.parametrize("begun", [b"x APPEND INBOX {9}\r\n", b"x APPEND INBOX {9+}\r\n", b"x IDLE\r\n"])
def test_nothing_is_plain_inside_of_another_command(begun):
    wire = protocol()
    wire.receive_data(begun)
    assert wire.next_event() == RelayStarted(b"x", begun.split()[1], begun)
    assert wire.receive_plain(b"a NOOP\r\n") is None
    wire.engine_continued()
    assert wire.receive_plain(b"a NOOP\r\n") is None


def test_nothing_is_plain_while_prompts_are_answered():
    wire = protocol()
    wire.begin_prompts()
    assert wire.receive_plain(b"a NOOP\r\n") is None
    wire.expect_continuation()
    assert wire.receive_plain(b"a NOOP\r\n") is None


def test_nothing_is_plain_after_the_end():
    wire = protocol()
    wire.receive_data(b"a NOOP\n")
    assert wire.next_event().fatal
    assert wire.receive_plain(b"a NOOP\r\n") is None
