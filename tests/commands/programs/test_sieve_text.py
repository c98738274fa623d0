"""Text inside scripts, read back by RFC 5228's own grammar; and Pigeonhole takes what is made of any text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.programs.sieve_text import (
    CONTROL,
    ChangedByHandError,
    quote,
    quote_lines,
    quote_list,
    seal,
    unseal,
)
from commands.programs.vacation import Vacation

# RFC 5228 section 8.1.
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
MULTI_LINE = re.compile(r"text:\r\n((?:(?!\.\r\n)[^\r\n]*\r\n)*)\.\r\n")

line = st.text().filter(lambda text: not CONTROL.search(text))
lines = st.lists(st.one_of(line, st.sampled_from(["", ".", "..", ".x", "text:", '"', ";"])), max_size=6)


@given(line)
def test_quoted_string_is_one_token_that_reads_back(text):
    found = QUOTED.fullmatch(quote(text))
    assert found
    assert re.sub(r"\\(.)", r"\1", found[1]) == text


@given(lines)
def test_multi_line_string_ends_at_its_end_and_reads_back(texts):
    text = "\n".join(texts)
    found = MULTI_LINE.fullmatch(quote_lines(text))
    assert found
    assert re.sub(r"(?m)^\.", "", found[1]) == text.replace("\n", "\r\n") + "\r\n"


@pytest.mark.parametrize("character", ["\r", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\udcff"])
def test_what_could_end_a_line_is_never_written(character):
    for write in (quote, quote_lines, lambda text: quote_list([text])):
        with pytest.raises(ValueError):
            write(f"a{character}b")
    with pytest.raises(ValueError):
        quote("a\nb")


@given(st.dictionaries(st.text(), st.text()), lines)
def test_settings_come_back_and_any_change_is_seen(settings, texts):
    script = seal("imapx-x", settings, "\r\n".join(texts))
    assert unseal("imapx-x", script) == unseal("imapx-x", script.replace("\r\n", "\n")) == settings
    assert script.split("\r\n")[0].startswith("# imapx-x {") and script.split("\r\n")[0].isascii()
    for changed in (script + " ", script[1:], script.replace("imapx-x", "imapx-y"), script.replace("{", "{ ", 1), ""):
        with pytest.raises(ChangedByHandError):
            unseal("imapx-x", changed)


def test_script_of_another_program_is_not_ours():
    script = seal("imapx-x", {}, "keep;\r\n")
    with pytest.raises(ChangedByHandError):
        unseal("imapx-y", script)


def test_pigeonhole_takes_the_script_of_any_text(user):
    for text in (".", "..\n.\n", '"\\', "\t", "text:\n.", "\ufeff", "\U0001f600", "# x */ /*", "\n\n"):
        vacation = Vacation(text, "2026-01-01", "", text.split("\n")[0].replace("\t", ""), 7, ["a'b@example.org"])
        user.write("x", seal("x", vacation.settings(), vacation.body(["me@example.org"])))
