import pytest

from commands.web.console.line import split


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ('blacklist add "joe@smith.com"', ["blacklist", "add", "joe@smith.com"]),
        ("a 'b c' \"d e\" f\\ g ''", ["a", "b c", "d e", "f g", ""]),
        ("a $HOME `id` $(id) * ~ # | ; & > b", ["a", "$HOME", "`id`", "$(id)", "*", "~", "#", "|", ";", "&", ">", "b"]),
        ("a\tb\nc", ["a", "b", "c"]),
    ],
)
def test_line_is_taken_apart_as_by_a_shell_but_nothing_is_expanded(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    ("text", "says"), [('a "b', "quote"), ("a 'b", "quote"), ("a \\", "backslash"), ("a\0b", "NUL")]
)
def test_line_that_is_not_finished_is_refused_with_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        split(text)
