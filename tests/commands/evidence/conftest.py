import asyncio
import io
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from commands import audit, triggers
from commands.evidence import head
from commands.models import AuditEvent
from commands.outcome import Outcome


@pytest.fixture(autouse=True)
def data(settings, tmp_path: Path) -> Path:
    """A data directory for the keys and anchors of one test."""
    settings.DATA_DIR = tmp_path
    audit.writer.stop()
    return tmp_path


def login(actor: str = "ann", **fields) -> AuditEvent:
    return audit.record_event(kind="login", outcome=Outcome.OK, actor=actor, **fields)


def submit(unit=login):
    return asyncio.run(audit.writer.submit(unit))


def write(count: int) -> None:
    """One chain of so many events, each committed by itself, and ended."""
    for number in range(1, count + 1):
        audit.record_now(
            kind="login", outcome=Outcome.OK, actor=f"user{number}", remote_addr="2001:db8::1", arguments=(b"\x00\xff",)
        )
    audit.writer.stop()


def attack(*statements: str) -> None:
    """What somebody does who is the database's superuser."""
    with connection.cursor() as cursor:
        for trigger in triggers.append_only(connection):
            cursor.execute(triggers.drop_statement(trigger, connection.vendor))
        for statement in statements:
            cursor.execute(statement)


def verify(*arguments: str) -> tuple[int, list[str]]:
    """Exit status and findings of `manage.py verifyaudit`; its last line is left out."""
    output = io.StringIO()
    status = 0
    with redirect_stderr(io.StringIO()):
        try:
            call_command("verifyaudit", *arguments, stdout=output, stderr=io.StringIO())
        except SystemExit as end:
            status = int(end.code or 0)
    *findings, summary = output.getvalue().splitlines()
    assert summary.endswith("all is well") == (status == 0)
    return status, findings


def anchors() -> Path:
    return head.directory() / "anchors"
