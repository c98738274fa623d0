"""manage.py replay: what went in and out of an execution, as it went."""

import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commands import audit
from commands.audit import StoreUnavailable
from commands.models import Execution
from commands.player import Player
from commands.system_user import system_user
from commands.transcript.asciicast import asciicast
from commands.transcript.finding import NotFound, find_execution
from commands.transcript.playing import timed, title
from commands.transcript.reading import read_chunks, read_page
from commands.transcript.viewing import record_view


class Command(BaseCommand):
    help = (
        "Play the transcript of an execution on this terminal, with its timing. The beginning of its id is enough. "
        "Input is in colour; where standard output is no terminal nothing is waited for, and each line begins with "
        "'<' for input, '>' for output or '!' for standard error. Controls are made visible. That it was viewed is "
        "recorded first, in the name of the system's user."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID")
        parser.add_argument("--speed", type=_positive, default=1.0, metavar="N", help="So many times as fast.")
        parser.add_argument("--max-pause", type=_positive, metavar="S", help="No pause longer than so many seconds.")
        parser.add_argument("--no-wait", action="store_true", help="Show all at once.")
        parser.add_argument("--raw", action="store_true", help="Bytes as they were, controls too, and without marks.")
        parser.add_argument(
            "--asciicast", metavar="FILE", help="Write it as asciicast v2, which asciinema plays; '-': standard output."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            execution = find_execution(options["id"])
            self._check(execution, options["asciicast"])
            how = "transcript: replay" if options["asciicast"] is None else "transcript: asciicast"
            record_view(how, door="terminal", execution=execution, actor=f"{system_user()} (manage.py)")
        except NotFound as error:
            raise CommandError(str(error)) from None
        except StoreUnavailable as error:
            raise CommandError(f"That it is viewed can't be recorded, so it is not shown: {error}") from None
        finally:
            audit.writer.stop()
        try:
            if options["asciicast"] is not None:
                self._export(execution, options["asciicast"])
            else:
                self._play(execution, options)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at its end
        except KeyboardInterrupt:
            sys.exit(130)

    def _check(self, execution: Execution, cast: str | None) -> None:
        first = read_page(execution.pk, after=0, limit=1)
        if not first and execution.transcript == "none":
            raise CommandError(f"Nothing was recorded of it: {execution.verb} had no transcript when it ran.")
        if not first:
            raise CommandError("Nothing is recorded of it: nothing went in or out, or its transcript was pruned.")
        if cast is not None and execution.transcript == "metadata":
            raise CommandError("Only sizes and times were recorded of it: there is nothing that asciinema could play.")

    def _play(self, execution: Execution, options: dict[str, Any]) -> None:
        is_terminal = sys.stdout.isatty()
        colour = (is_terminal or options["force_color"]) and not options["no_color"]
        waits = is_terminal and not options["no_wait"]
        self._say(execution)
        player = Player(sys.stdout.buffer, colour=colour, raw=options["raw"])
        chunks = timed(read_chunks(execution.pk), speed=options["speed"], max_pause=options["max_pause"])
        for pause, chunk in chunks:
            if waits:
                time.sleep(pause)
            player.show(chunk)
        player.finish()

    def _say(self, execution: Execution) -> None:
        """On standard error, so that what is replayed stays alone on the other."""
        started = timezone.localtime(execution.started).strftime("%Y-%m-%d %H:%M:%S")
        self.stderr.write(f"{execution.pk}, {started}: {_title(execution)}", str)

    def _export(self, execution: Execution, name: str) -> None:
        lines = asciicast(
            read_chunks(execution.pk), title=_title(execution), timestamp=int(execution.started.timestamp())
        )
        try:
            with _open(name) as file:
                file.writelines(lines)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CommandError(f"{name}: {error.strerror}") from None


def _title(execution: Execution) -> str:
    return title(execution.username, execution.verb, execution.arguments_text)


@contextmanager
def _open(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdout
        return
    with Path(name).open("w", encoding="utf-8") as file:
        yield file


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return number
