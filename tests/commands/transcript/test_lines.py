"""Redaction: a secret is found however it comes, and all else stays as it was."""

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from commands.transcript.lines import HELD, OVERLAP, Lines, Piece
from commands.transcript.redaction import MARK, Patterns

PASSWORD = r"(?i)password: .+"


def recorded(pieces: list[bytes], *expressions: str, secrets: tuple[bytes, ...] = (), stream: str = "o") -> list[bytes]:
    lines = Lines(Patterns(expressions, secrets))
    given = [Piece(offset, stream, len(data), data) for offset, data in enumerate(pieces)]
    out = [done for piece in given for done in lines.feed([piece])] + lines.finish()
    assert sum(piece.size for piece in out) == sum(map(len, pieces))
    assert [piece.offset for piece in out] == sorted(piece.offset for piece in out)
    return [piece.data or b"" for piece in out]


def text(*arguments, **fields) -> bytes:
    return b"".join(recorded(*arguments, **fields))


def test_what_matches_is_replaced_and_the_rest_of_the_line_stays():
    assert text([b"a\nmy pin 1234 is it\nb\n"], r"pin \d+") == b"a\nmy [redacted] is it\nb\n"


@pytest.mark.parametrize("cut", range(1, 25))
def test_secret_in_two_pieces_is_redacted(cut: int):
    line = b"the Password: hunter2\nok\n"
    assert text([line[:cut], line[cut:]], PASSWORD) == b"the [redacted]\nok\n"


def test_pieces_keep_what_is_theirs_and_the_mark_stands_where_it_began():
    assert recorded([b"a pass", b"wo", b"rd: x", b"\nb"], PASSWORD) == [b"a " + MARK, b"", b"", b"\n", b"b"]


def test_line_that_never_ends_is_redacted_at_the_end():
    assert text([b"password: hun", b"ter2"], PASSWORD) == MARK


def test_line_end_of_cr_lf_is_the_end_of_the_line():
    assert text([b"password: x\r\ny\r\n"], "^password: .*$") == b"[redacted]\r\ny\r\n"


def test_byte_that_is_no_utf8_does_not_end_a_match():
    assert text([b"password: hunter\xff2\nb\n"], PASSWORD) == b"[redacted]\nb\n"
    assert text(["pässword: hunter".encode() + b"\xff2\n"], "(?i)pässword: .+") == b"[redacted]\n"


def test_letters_beyond_ascii_are_letters():
    assert text(["größe 12 m\n".encode()], r"[äöü]ße \d") == b"gr[redacted]2 m\n"


def test_secret_argument_is_redacted_as_it_stands():
    assert text([b"you said a.b(c, not a.b-c\n"], secrets=(b"a.b(c",)) == b"you said [redacted], not a.b-c\n"


def test_matches_of_several_expressions_that_overlap_are_one():
    assert text([b"abcdef\n"], "abc", "cde", "x*") == b"[redacted]f\n"


def test_streams_have_lines_of_their_own_and_keep_their_order():
    lines = Lines(Patterns([PASSWORD]))
    assert lines.feed([Piece(0, "o", 4, b"pass")]) == []
    out = lines.feed([Piece(1, "i", 3, b"in\n"), Piece(2, "o", 8, b"word: x\n")]) + lines.finish()
    assert [(piece.offset, piece.stream, piece.data) for piece in out] == [
        (0, "o", MARK),
        (1, "i", b"in\n"),
        (2, "o", b"\n"),
    ]


def test_too_long_a_line_does_not_stay_in_memory_and_is_still_redacted():
    lines = Lines(Patterns([r"secret\d{20}"]))
    secret = b"secret" + b"7" * 20
    before = b"x" * (HELD - 10)
    out = lines.feed([Piece(0, "o", len(before), before)])
    assert out == []
    out = lines.feed([Piece(1, "o", 13, secret[:13])])
    assert sum(piece.size for piece in out) == HELD + 3 - OVERLAP
    out += lines.feed([Piece(2, "o", 14, secret[13:] + b"\n")]) + lines.finish()
    assert b"".join(piece.data or b"" for piece in out) == before + MARK + b"\n"


def test_match_that_goes_on_past_the_bound_hides_the_rest_of_its_line():
    pieces = [b"password: " + b"x" * HELD, b"still it", b" and this\nnext\n"]
    assert text(pieces, PASSWORD) == b"[redacted]\nnext\n"


def test_stream_that_never_ends_its_line_does_not_hold_up_another():
    lines = Lines(Patterns([PASSWORD]))
    assert lines.feed([Piece(0, "o", 6, b"Name? ")]) == []
    line = b"y" * (HELD - 1) + b"\n"
    assert lines.feed([Piece(1, "i", len(line), line)]) == []
    assert [piece.offset for piece in lines.feed([Piece(2, "i", len(line), line)])] == [1, 2]
    assert [piece.data for piece in lines.finish()] == [b"Name? "]


def test_expression_that_is_none_keeps_everything_from_being_recorded():
    with pytest.raises(re2.error):
        Patterns(["("])


@given(st.lists(st.binary(max_size=12), max_size=20))
def test_what_matches_nothing_comes_as_it_went(pieces: list[bytes]):
    assert text(pieces, "no such text here") == b"".join(pieces)


@given(st.lists(st.sampled_from([b"ab", b"b", b"\n", b"\r\n", b"a-b", b"key=", b"\xc3\xa4", b"\xff"]), max_size=30))
def test_lines_together_match_what_each_alone_does(pieces: list[bytes]):
    block = b"".join(pieces)
    for expression in (
        r"^ab",
        r"b$",
        r"\bb\b",
        r"key=\w*",
        r"[^-]b",
        r"\Aa",
        r"b\z",
        r"(?-m:^a)",
        r"(?i)KEY",
        "\u00e4.",
    ):
        alone = b"\n".join(text([line], expression) if line else b"" for line in block.split(b"\n"))
        assert text([block], expression) == alone or not block


@given(st.lists(st.sampled_from([b"ab", b"a", b"b", b"\n", b"key=", b"\xff", b"\xc3", b"\xa4"]), max_size=30))
def test_pieces_make_no_difference_to_what_is_redacted(pieces: list[bytes]):
    whole = b"".join(pieces)
    assert text(pieces, "key=[ab]+") == (text([whole], "key=[ab]+") if whole else b"")
