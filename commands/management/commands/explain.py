"""`manage.py explain`: what the gate would answer, and why; nothing runs and nothing is recorded."""

import csv
import ipaddress
import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from commands.audit_text import visible
from commands.explaining import who_may
from commands.explaining.explain import explain
from commands.explaining.explain_text import any_allowed, as_data, lines, reach_data, reach_lines, table_lines
from commands.explaining.explanation import Question
from commands.moment import moment
from commands.rulebook.canonical import YEARS
from commands.rulebook.rules import load_rules

ROWS = 200


class Command(BaseCommand):
    help = (
        "Explain what the gate would answer now. USER VERB ARGUMENT…: may this call be made, and why. USER alone: "
        "which verbs may this user run. --verb: who may run it. --table: all users, all verbs. Nothing runs, nothing "
        "is recorded. Others on this machine can see arguments (ps): give '-' for a secret one. Exit status: 0 allowed "
        "(of several: any of them), 1 not, 2 wrong usage of this command."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", nargs="?")
        parser.add_argument("call", metavar="VERB ARGUMENT", nargs="*")
        parser.add_argument("--address", type=_address, help="Where the client comes from.")
        parser.add_argument("--tls", action=BooleanOptionalAction, default=True, help="Its connection is encrypted.")
        parser.add_argument("--mailbox", default="", help="That is selected.")
        parser.add_argument("--at", type=_time, metavar="TIME", help="YYYY-MM-DD HH:MM, in the server's zone.")
        parser.add_argument("--json", action="store_true", help="For programs.")
        parser.add_argument("--verb", metavar="VERB", dest="who", help="Who may run this verb.")
        parser.add_argument("--table", action="store_true", help="Each active user, each verb: yes, no or conditional.")
        parser.add_argument("--limit", type=_count, default=ROWS, metavar="N", help=f"Users at most ({ROWS}); 0: all.")
        parser.add_argument("--format", choices=["text", "csv"], default="text", help="Of the table.")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = [bool(options["user"]), bool(options["who"]), options["table"]]
        if sum(asked) != 1:
            raise CommandError("Give one of: USER, USER VERB ARGUMENT…, --verb VERB, --table.", returncode=2)
        for name in (options["user"], options["who"], *options["call"][:1]):
            if name and not name.isprintable():  # bytes that are no UTF-8 too: no database takes them for text
                raise CommandError(f"{visible(name)} is no name.", returncode=2)
        at = options["at"] or timezone.localtime()
        if options["who"]:
            allowed = self._who(options["who"].lower(), at, options)
        elif options["table"]:
            allowed = self._table(at, options)
        elif options["call"]:
            allowed = self._call(options)
        else:
            allowed = self._user(options["user"], at, options)
        if not allowed:
            sys.exit(1)

    def _call(self, options: dict[str, Any]) -> bool:
        verb, *arguments = options["call"]
        question = Question(
            user=options["user"],
            verb=verb.lower(),
            arguments=tuple(map(os.fsencode, arguments)),
            remote_addr=options["address"],
            tls=options["tls"],
            mailbox=options["mailbox"],
            at=options["at"],
        )
        explanation = explain(question)
        self._show(lines(explanation), as_data(explanation), options)
        return explanation.allowed

    def _user(self, name: str, at: datetime, options: dict[str, Any]) -> bool:
        subject = who_may.subject_of(name)
        if subject is None:
            raise CommandError(f"There is no user {name}, or it is not active.", returncode=1)
        cells = who_may.what_may(subject, who_may.verbs(), load_rules(subject), at)
        rows = [(cell.verb.name, cell.reach) for cell in cells]
        self._show(reach_lines(rows), reach_data(rows), options)
        return any_allowed(rows)

    def _who(self, name: str, at: datetime, options: dict[str, Any]) -> bool:
        entry = next((entry for entry in who_may.verbs() if entry.name == name), None)
        if entry is None:
            raise CommandError(f"There is no verb {name}, or it is not enabled.", returncode=1)
        rows = [(each.text, each.reach) for each in who_may.several_whom_it_may_serve(entry, at)]
        users, more = _first(who_may.users_whom_it_may_serve(entry), options)
        for subject, cells in who_may.table(users, [entry], at):
            rows.append((f"user {subject.username}", cells[0].reach))
        text = [*reach_lines(rows), *more] if rows else ["Nobody: no rule allows it."]
        self._show(text, reach_data(rows), options)
        return any_allowed(rows)

    def _table(self, at: datetime, options: dict[str, Any]) -> bool:
        entries = who_may.verbs()
        users, more = _first(who_may.active_users(), options)
        rows = who_may.table(users, entries, at)
        cells = ([subject.username, *(cell.reach.answer.value for cell in row)] for subject, row in rows)
        head = ["user", *(entry.name for entry in entries)]
        if options["json"]:
            self.stdout.write(json.dumps([dict(zip(head, row, strict=True)) for row in cells], indent=2))
        elif options["format"] == "csv":
            csv.writer(self.stdout, lineterminator="\n").writerows(chain([head], cells))
        else:
            self.stdout.write("\n".join(table_lines(head, list(cells))))
        if not options["json"] and more:
            self.stderr.write("\n".join(more))
        return True

    def _show(self, text: Iterable[str], data: Any, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(data, indent=2))
        else:
            self.stdout.write("\n".join(text))


def _first(users: QuerySet[User], options: dict[str, Any]) -> tuple[Iterator[User], list[str]]:
    """As many as are asked for, of a million no more in memory than some; and a line about the others."""
    limit = options["limit"]
    left = users.count() - limit if limit else 0
    shown = users[:limit] if limit else users
    more = [f"and {left} more users: --limit 0 shows all"] if left > 0 else []
    return shown.iterator(chunk_size=who_may.AT_ONCE), more


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ArgumentTypeError(f"{text} is no number of users")
    return int(text)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ArgumentTypeError(f"{text} is no address: 192.0.2.7 or 2001:db8::7 would be one") from None


def _time(text: str) -> datetime:
    at = moment(text)
    if at.year not in YEARS:
        raise ArgumentTypeError(f"{text!r} is no time of these centuries")
    return timezone.localtime(at)
