"""manage.py end: end one execution, or all that a user has now, in whichever process it is."""

import re
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commands import audit
from commands.audit_text import visible
from commands.live import now
from commands.live.ending import Actor, end_execution, end_user
from commands.locks import END_SECONDS, await_end
from commands.models import Connection, Execution
from commands.system_user import system_user
from commands.transcript.finding import NotFound, find_execution

DIGITS = 8
"""Of an id, at least: a name that was typed wrong must not be taken for the beginning of one."""


class Command(BaseCommand):
    help = (
        "End what goes on now, in every process that shares the database: of a user all executions and connections, or "
        "one execution, by its id or the first digits of it. It is gone within a second. The user may log in again: "
        "manage.py lock keeps them from running anything."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", metavar="USER|EXECUTION", help=f"A name, or {DIGITS} or more digits of an id.")
        parser.add_argument(
            "--reason", metavar="TEXT", required=True, help="Why: it is in the record, and clients are told."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("Say why, with --reason: whoever reads the record sees it.")
        by = Actor(None, f"{system_user()} (manage.py end)", remote_addr=None, tls=False, door="terminal")
        user = User.objects.filter(username=options["what"]).first()
        try:
            if user is not None:
                self._end_user(user, reason, by)
            else:
                self._end_execution(options["what"], reason, by)
        except audit.StoreUnavailable as error:
            raise CommandError(f"Nothing is ended, since it can't be recorded: {error}") from error
        finally:
            audit.writer.stop()

    def _end_user(self, user: User, reason: str, by: Actor) -> None:
        executions, connections = now.executions_of(user.pk), now.connections_of(user.pk)
        ended = end_user(user.pk, reason, by)
        self.stdout.write(f"Ending all of {visible(user.username)}: {ended}.")
        self._tell(executions)
        for connection in _await_left(connections):
            self.stdout.write(f"  still there: {visible(str(connection))}, at {visible(connection.node)}.")

    def _end_execution(self, prefix: str, reason: str, by: Actor) -> None:
        if not re.match(f"([0-9a-f]-?){{{DIGITS}}}", prefix.lower()):
            raise CommandError(
                f"There is no user {visible(prefix)}; for an execution give at least {DIGITS} digits of its id."
            )
        try:
            execution = find_execution(prefix)
        except NotFound as error:
            raise CommandError(str(error)) from None
        if execution.outcome:
            raise CommandError(f"Execution {execution.pk} has ended already: {execution.outcome}.")
        end_execution(execution, reason, by)
        self.stdout.write(f"Ending execution {execution.pk}.")
        self._tell([execution])

    def _tell(self, executions: Sequence[Execution]) -> None:
        for execution in await_end(executions):
            started = f"{timezone.localtime(execution.started):%H:%M:%S}"
            what = f"{visible(execution.username)}: {visible(execution.verb)}, started {started}"
            if execution.outcome:
                self.stdout.write(f"  ended ({execution.outcome}): {what}")
            else:
                node = visible(execution.node) or "an unknown server"
                self.stdout.write(f"  still not ended: {what}, by {node}. Is that server gone?")


def _await_left(connections: Sequence[Connection]) -> list[Connection]:
    """Wait until they have left, END_SECONDS at most; return those that have not."""
    there = Connection.objects.filter(pk__in=[connection.pk for connection in connections])
    deadline = time.monotonic() + END_SECONDS
    while (left := list(there.all())) and time.monotonic() < deadline:
        time.sleep(0.1)  # another process closes them, and nobody tells
    return left
