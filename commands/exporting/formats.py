"""The two formats of the log: JSON Lines for programs, CSV for spreadsheets."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

# Where a spreadsheet takes a cell for a formula, which may run programs (OWASP, "CSV Injection"): by how it begins, and
# behind a semicolon, since where the comma is the decimal sign that is what parts the cells of a line.
FORMULA = re.compile(r"(?:\A|(?<=;))(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])")


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def csv_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """RFC 4180: a header, then a line for each row; nothing at all for no rows. Lists are JSON."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    yield _csv_line(first)
    for row in chain([first], rows):
        yield _csv_line(map(_cell, row.values()))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return json.dumps(value)
    # Numbers of our own stay numbers.
    return FORMULA.sub("'", value) if isinstance(value, str) else str(value)


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


FORMATS: Mapping[str, tuple[Callable[[Iterable[Mapping[str, Any]]], Iterator[str]], str]] = {
    "jsonl": (json_lines, "application/jsonl"),
    "csv": (csv_lines, "text/csv"),
}
"""By name, how to write it, and its media type."""


def export_lines(rows: Iterable[Mapping[str, Any]], form: str) -> Iterator[str]:
    """The lines of the file. `form` is one of FORMATS."""
    write, _ = FORMATS[form]
    return write(rows)
