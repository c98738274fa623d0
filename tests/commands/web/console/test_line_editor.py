"""What keys do to a line, in the page's own code, by Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import peers

SOURCE = Path(__file__).parents[4] / "commands" / "static" / "imapx" / "line-editor.js"

RUN = """
import { LineEditor, keys } from "./line-editor.mjs";
import { readFileSync } from "node:fs";
const answers = JSON.parse(readFileSync(0, "utf8")).map(([typed, columns]) => {
    const editor = new LineEditor(), others = [];
    for (const [name, text] of keys(typed)) {
        if (name === "text" || name === "paste") editor.insert(text);
        else if (name === "enter") editor.take(true);
        else if (name && !editor.press(name)) others.push(name);
    }
    return { text: editor.text, view: editor.view(columns), others };
});
console.log(JSON.stringify(answers));
"""

LEFT, UP, DOWN, HOME, END, DELETE = "\x1b[D", "\x1b[A", "\x1b[B", "\x1b[H", "\x1b[F", "\x1b[3~"

CASES = [
    ("abc", "abc"),
    (f"ac{LEFT}b", "abc"),
    (f"bc{HOME}a", "abc"),
    (f"abx{LEFT}{DELETE}c", "abc"),
    (f"bc{HOME}a{END}d", "abcd"),
    ("abx\x7fc", "abc"),
    ("one two\x17three", "one three"),
    ("one two  \x1b\x7f", "one "),
    (f"wrong{LEFT * 2}\x15", "ng"),
    (f"abc{LEFT}\x0b", "ab"),
    (f"one\rtwo\r{UP}{UP}", "one"),
    (f"one\rhalf{UP}{DOWN}", "half"),
    (f"one\rone\rtwo\r{UP}{UP}{UP}", "one"),  # said twice, kept once
    ("\x1b[200~one\r\ntwo\x1b[201~", "one\ntwo"),  # pasted: no key
    ("a\x1b[5~\x1bOQ\x1b\x00b", "ab"),  # keys that mean nothing here
    ("日本e\u0301😀\x7f\x7f", "日本"),
    ("\x1b[200~a\x1b]0;t\x07\u202eb\x1b[201~", "a]0;tb"),  # nothing that a terminal or a reader obeys
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    directory = tmp_path_factory.mktemp("editor")
    shutil.copy(SOURCE, directory / "line-editor.mjs")
    (directory / "run.mjs").write_text(RUN)
    asked = [(typed, 80) for typed, _ in CASES] + [
        ("0123456789", 6),
        (f"0123456789{HOME}", 6),
        ("日本日本", 6),
        ("\x03\x04\x0c", 6),
    ]
    command = [peers.require("node", "nodejs"), directory / "run.mjs"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=30, check=True)
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", range(len(CASES)))
def test_keys_edit_the_line(answers: list[dict[str, object]], case: int) -> None:
    assert answers[case]["text"] == CASES[case][1]


def test_long_line_is_shown_around_its_cursor_and_never_fills_the_row(answers: list[dict[str, object]]) -> None:
    assert [each["view"] for each in answers[len(CASES) : len(CASES) + 3]] == [["56789", 0], ["01234", 5], ["日本", 0]]


def test_keys_of_the_terminal_are_given_to_it_by_name(answers: list[dict[str, object]]) -> None:
    assert answers[-1]["others"] == ["interrupt", "endInput", "clear"]
