"""manage.py lock: take a right away now, or list what is locked."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commands import audit, locks
from commands.audit_text import visible
from commands.changes import by_command
from commands.locks import Target
from commands.models import Execution, Lock, Verb
from commands.moment import moment
from commands.system_user import system_user

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = (
        "Lock a user, a verb, a network or everything: nothing that it covers starts any more, whatever the rules say, "
        "and what runs of it is ended within a second, in every process. Without options: list the locks. manage.py "
        "unlock lifts them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_targets(parser)
        parser.add_argument("--reason", metavar="TEXT", default="", help="Why: it is in the record of each refusal.")
        end = parser.add_mutually_exclusive_group()
        end.add_argument(
            "--until",
            type=moment,
            metavar="TIME",
            help="When it is over by itself: 2026-12-24T18:00, 2026-12-24 or 18:00, in the server's time zone.",
        )
        end.add_argument("--for", type=span, dest="span", metavar="SPAN", help="Or after so long: 30m, 2h, 7d.")

    def handle(self, *args: Any, **options: Any) -> None:
        target = target_of(options)
        if target is None:
            self._list()
            return
        try:
            self._lock(target, options)
        finally:
            audit.writer.stop()

    def _lock(self, target: Target, options: dict[str, Any]) -> None:
        if not options["reason"].strip():
            raise CommandError("Say why, with --reason: whoever reads the record sees it.")
        until = timezone.now() + options["span"] if options["span"] else options["until"]
        if until is not None and until <= timezone.now():
            raise CommandError("The lock would be over already: give a time to come.")
        try:
            with by_command("lock"):
                lock = locks.make(target, options["reason"], f"{system_user()} (manage.py)", until)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"Lock {lock.pk} stands {_end(lock)}: {visible(str(lock))}.")
        covered = locks.running(lock)
        if not covered:
            self.stdout.write("Nothing that it covers was running.")
        for execution in locks.await_end(covered):
            self.stdout.write(f"  {_told(execution)}")

    def _list(self) -> None:
        rows = list(Lock.objects.select_related("user", "verb").order_by("pk"))
        if not rows:
            self.stdout.write("Nothing is locked.")
        for lock in rows:
            made = f"{timezone.localtime(lock.made_at):%Y-%m-%d %H:%M} by {visible(lock.made_by) or 'somebody'}"
            self.stdout.write(f"{lock.pk:>4}  {visible(str(lock))}; {_end(lock)}; made {made}")


def add_targets(parser: ArgumentParser) -> None:
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--user", metavar="USER")
    target.add_argument("--verb", metavar="VERB")
    target.add_argument("--network", metavar="NETWORK", help="Client addresses: 192.0.2.0/24, 2001:db8::/32 or one.")
    target.add_argument("--everything", action="store_true", help="Every execution of everybody.")


def target_of(options: dict[str, Any]) -> Target | None:
    """What the options name; None: nothing. Raises CommandError."""
    if options["user"] is not None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']}.")
        return Target(user=user)
    if options["verb"] is not None:
        verb = Verb.objects.filter(name=options["verb"].lower()).first()
        if verb is None:
            raise CommandError(f"There is no verb {options['verb']}.")
        return Target(verb=verb)
    if options["network"] is not None:
        return Target(network=options["network"])
    return Target(everything=True) if options["everything"] else None


def span(text: str) -> timedelta:
    """Read `30m`, `2h`, `7d`. Raises ArgumentTypeError."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text, re.ASCII)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is no span of time: 30m, 2h or 7d is expected")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _end(lock: Lock) -> str:
    if lock.until is None:
        return "until it is lifted"
    at = f"{timezone.localtime(lock.until):%Y-%m-%d %H:%M:%S}"
    return f"until {at}" if locks.stands(lock) else f"over since {at}"


def _told(execution: Execution) -> str:
    started = f"{timezone.localtime(execution.started):%H:%M:%S}"
    what = f"{visible(execution.username)}: {visible(execution.verb)}, started {started}"
    if execution.outcome:
        return f"ended ({execution.outcome}): {what}"
    return f"still not ended: {what}, by {visible(execution.node) or 'an unknown server'}. Is that server gone?"
