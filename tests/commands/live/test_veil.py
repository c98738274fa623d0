"""Redaction of what is watched: no secret reaches a watcher, wherever it begins and whatever is left out."""

from hypothesis import given
from hypothesis import strategies as st

from commands.live.veil import Veil
from commands.transcript.lines import Piece
from commands.transcript.redaction import MARK, Patterns


def shown(*pieces: bytes | int, secrets: tuple[bytes, ...] = (), expressions: tuple[str, ...] = ()) -> bytes:
    """What is shown of one stream; a number stands for so many bytes that are left out. All are accounted for."""
    veil = Veil(Patterns(expressions, secrets))
    given = [
        Piece(offset, "o", piece, None) if isinstance(piece, int) else Piece(offset, "o", len(piece), piece)
        for offset, piece in enumerate(pieces)
    ]
    out = [done for piece in given for done in veil.feed([piece])] + veil.finish()
    assert sum(piece.size for piece in out) == sum(piece.size for piece in given)
    return b"".join(piece.data or b"" for piece in out)


def test_line_whose_beginning_was_not_seen_is_left_out() -> None:
    assert shown(b"word hunter2\nnext\n", secrets=(b"password hunter2",)) == b"next\n"


def test_secret_in_two_pieces_is_found() -> None:
    assert shown(b"\nit is hun", b"ter2, isn't it\n", secrets=(b"hunter2",)) == b"it is " + MARK + b", isn't it\n"


def test_expression_is_redacted() -> None:
    assert shown(b"\npin 1234\n", expressions=(r"\d+",)) == b"pin " + MARK + b"\n"


def test_rest_of_a_line_after_what_was_left_out_is_left_out_too() -> None:
    assert shown(b"\none\nhun", 3, b"ter2\ntwo\n", secrets=(b"hunter2",)) == b"one\ntwo\n"


def test_what_has_no_end_of_line_comes_at_the_end() -> None:
    assert shown(b"\nhunter2", secrets=(b"hunter2",)) == MARK


@given(st.lists(st.one_of(st.binary(max_size=6), st.integers(1, 9)), max_size=8), st.integers(0, 30))
def test_secret_never_passes(noise: list[bytes | int], cut: int) -> None:
    whole = b"\nit is hunter2 and hunter2\n"
    pieces = [*noise, whole[:cut], whole[cut:], *noise]
    assert b"hunter2" not in shown(*pieces, secrets=(b"hunter2",))
