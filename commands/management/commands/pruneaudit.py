"""manage.py pruneaudit: let go of what is older than it is to be kept."""

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as StoreError

from commands import audit, retention


class Command(BaseCommand):
    help = (
        "Let go of events, executions and transcripts that are older than so many days, by default as the settings "
        "IMAPX_KEEP_EVENTS_DAYS, IMAPX_KEEP_EXECUTIONS_DAYS and IMAPX_KEEP_TRANSCRIPTS_DAYS say; 0 is for ever. On "
        "PostgreSQL events and transcripts go by whole months. What runs stays, and so does what its chain needs: "
        "verifyaudit begins at the first event that is kept. For cron, once a day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        for kind in ("events", "executions", "transcripts"):
            parser.add_argument(
                f"--{kind}", type=int, metavar="DAYS", help=f"In place of IMAPX_KEEP_{kind.upper()}_DAYS."
            )
        parser.add_argument("--dry-run", action="store_true", help="Say what would go, and leave it.")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        given = {kind: options[kind] for kind in ("events", "executions", "transcripts") if options[kind] is not None}
        periods = replace(retention.Periods.from_settings(), **given)
        if not (periods.events or periods.executions or periods.transcripts):
            self.stdout.write("Everything is kept for ever: no option and no IMAPX_KEEP_…_DAYS says otherwise.")
            return
        try:
            retention.prune(
                periods,
                dry_run=dry_run,
                tell=lambda pruned: self.stdout.write(f"{'Would let' if dry_run else 'Let'} go of {pruned}"),
            )
        except retention.BadPeriod as error:
            raise CommandError(str(error)) from error
        except (StoreError, audit.StoreUnavailable) as error:
            raise CommandError(f"Nothing more was let go of: {error}. It may be run again.") from error
        except ValueError as error:
            raise CommandError(f"Events stay, since a chain would be left with a hole: {error}.") from error
