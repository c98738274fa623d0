"""manage.py secondfactor: who has a second factor on the web pages; reset one whose phone is lost."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from commands import audit
from commands.audit_text import visible
from commands.web.secondfactor import codes, demand
from commands.web.secondfactor.change import record


class Command(BaseCommand):
    help = (
        "Tell which users have set up a second factor for the web pages, or whether one has. With --reset it is taken "
        "away, for somebody who has lost phone and recovery codes: their password alone logs them in then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", nargs="?", metavar="USER", help="Without: all who work on the pages or have one.")
        parser.add_argument("--reset", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["user"] is None:
            if options["reset"]:
                raise CommandError("Whose? Name the user.")
            self._list()
            return
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {visible(options['user'])}.")
        if not options["reset"]:
            self.stdout.write(_state(user))
        elif not codes.is_set_up(user):
            raise CommandError(f"{visible(user.get_username())} has set up no second factor.")
        else:
            self._reset(user)

    def _list(self) -> None:
        asked = Q(is_staff=True) | Q(totpdevice__confirmed=True)
        for user in User.objects.filter(asked, is_active=True).distinct().order_by("username"):
            self.stdout.write(_state(user))

    def _reset(self, user: User) -> None:
        try:
            record("deleted", f"second factor of {user.get_username()} reset")
        except audit.StoreUnavailable as error:
            raise CommandError("Not done: it can't be recorded now.") from error
        finally:
            audit.writer.stop()
        codes.remove(user)
        self.stdout.write(
            f"{visible(user.get_username())} logs in with the password alone now, until a new one is set up."
        )


def _state(user: User) -> str:
    name, device = visible(user.get_username()), codes.app_of(user)
    if device is None:
        return f"{name}: none{', and must set one up' if demand.is_demanded(user) else ''}"
    left = codes.recovery_codes_left(user)
    return f"{name}: set up, {left} recovery code{'s' * (left != 1)} left"
