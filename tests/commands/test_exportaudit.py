"""`manage.py exportaudit`: the log as JSON Lines and CSV, whole, and harmless to a spreadsheet and a terminal."""

import base64
import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commands import audit
from commands.audit_text import Redacted
from commands.exporting import event_rows, export_lines, rows
from commands.models import AuditEvent
from commands.outcome import Outcome

pytestmark = pytest.mark.django_db(transaction=True)

ARGUMENTS = (b"add", b"\xff\x00\x1b[31m", "\u202eexe.txt".encode(), Redacted(7, b"\x01" * 32))


def record(**fields: Any) -> None:
    values = {"kind": AuditEvent.Kind.REJECT, "outcome": Outcome.NOPERM, "actor": "ann", "verb": "blacklist"} | fields
    audit.record_now(**values)


def export(*arguments: str) -> tuple[str, str]:
    """Standard output, standard error."""
    errors = io.StringIO()
    name = Path(os.environ["IMAPX_DATA_DIR"]) / "export"
    name.unlink(missing_ok=True)
    call_command("exportaudit", "-o", str(name), *arguments, stderr=errors)
    with name.open(encoding="utf-8", newline="") as file:
        return file.read(), errors.getvalue()


def test_json_lines_have_raw_arguments_beside_text():
    record(arguments=ARGUMENTS, actor_id=7, remote_addr="192.0.2.7", reason="no rule")
    output, errors = export()
    first, view = map(json.loads, output.splitlines())
    assert [base64.b64decode(each["base64"]) for each in first["arguments"][:3]] == list(ARGUMENTS[:3])
    assert first["arguments"][3] == {"secret_bytes": 7, "hmac": "01" * 32}
    assert first["arguments_text"].startswith("add \\xff\\x00\\x1b[31m \\u202eexe.txt")
    assert (first["actor"], first["actor_id"], first["remote_addr"], first["tls"]) == ("ann", 7, "192.0.2.7", False)
    assert (view["kind"], view["reason"]) == ("view", "audit log: jsonl")
    assert set(first) == {field.name for field in AuditEvent._meta.concrete_fields}
    assert errors == "2 events exported.\n"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_cell_that_a_spreadsheet_would_run_is_text(name: str):
    record(actor=name)
    output, _ = export("--format", "csv")
    header, event, _ = csv.reader(io.StringIO(output))
    cell = dict(zip(header, event, strict=True))["actor"]
    assert cell[0] in "'\\"
    assert cell.isprintable()


def test_cell_that_a_semicolon_parts_off_is_text_too():
    """Where the comma is the decimal sign, a spreadsheet parts the cells by it."""
    (_, line) = export_lines([{"actor": "x;=1;y-1"}], "csv")
    assert line == "x;'=1;y-1\r\n"


def test_number_of_our_own_stays_a_number():
    rows = [{"exit_code": -1, "actor": "-1"}]
    assert "".join(export_lines(rows, "csv")) == "exit_code,actor\r\n-1,'-1\r\n"


def test_filters_go_together():
    record()
    record(actor="bob")
    record(actor="bob", verb="calendar", outcome=Outcome.USAGE)
    output, _ = export("--user", "bob", "--outcome", "usage", "--verb", "calendar", "--kind", "reject")
    (event,) = map(json.loads, output.splitlines())
    assert (event["actor"], event["verb"], event["outcome"]) == ("bob", "calendar", "usage")
    view = AuditEvent.objects.get(kind="view")
    assert view.reason == "audit log: jsonl, user bob, verb calendar, outcome usage, kind reject"


def test_times_bound_it():
    record()
    assert export("--until", "2020-01-01")[0] == ""
    assert len(export("--since", "2020-01-01T12:00", "--kind", "reject")[0].splitlines()) == 1


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "2026-01-01T25:00"])
def test_time_that_is_none_is_refused(time: str):
    with pytest.raises(CommandError, match="is no time: "):
        export("--since", time)


def test_file_that_is_there_stays_as_it_is(tmp_path: Path):
    (tmp_path / "export").write_text("precious")
    with pytest.raises(CommandError, match="File exists"):
        call_command("exportaudit", "-o", str(tmp_path / "export"))
    assert (tmp_path / "export").read_text() == "precious"


def test_log_is_read_a_page_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rows, "AT_ONCE", 3)
    for number in range(8):
        record(actor=f"user{number}")
    counts: list[int] = []
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = [row["actor"] for row in event_rows(AuditEvent.objects.all(), counts.append)]
    assert found == [f"user{number}" for number in range(8)]
    assert counts == [3, 6, 8]
    assert len(queries) == 4


def test_export_that_cannot_be_recorded_is_none(tmp_path: Path):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE commands_auditevent RENAME TO away")
    try:
        with pytest.raises(CommandError, match="can't be recorded, so it is not"):
            call_command("exportaudit", "-o", str(tmp_path / "export"))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO commands_auditevent")
    assert not (tmp_path / "export").exists()
