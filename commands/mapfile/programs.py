"""Programs that a file names: whether they could be started on this machine, and shells that were not there before.

What can't be started is a warning and keeps no file from being loaded: a map is checked, compared and loaded on
machines that it is not for, and before what it names is installed. Each start looks again, and refuses.
"""

from collections.abc import Iterator

from commands.interpreters import interpreter
from commands.mapfile.from_toml import parse
from commands.mapfile.plain import Entry
from commands.mapfile.problems import Problem
from commands.models import Verb
from commands.programfile import UnsafeProgramError, check_program


def unsafe_programs(text: str | bytes) -> list[Problem]:
    """Why programs of enabled verbs would not be started here. Of a file that can be read; else MapFileError."""
    problems = []
    for where, entry in _programs(text):
        try:
            if entry["enabled"]:
                check_program(entry["argv"][0])
        except (UnsafeProgramError, ValueError) as error:  # ValueError: a NUL
            problems.append(Problem(f"{where}, argv", str(error)))
    return problems


def gained_interpreters(text: str | bytes) -> list[Problem]:
    """Verbs that the file lets run a shell or an interpreter, and the database does not let do so in this way.

    For who has not the right `commands.shell_verb`.
    """
    stored = dict(Verb.objects.filter(kind="program").values_list("name", "argv"))
    return [
        Problem(
            f"{where}, argv",
            f"{name} runs whatever its arguments say: to load this takes the right to let a verb run a shell or an "
            "interpreter.",
        )
        for where, entry in _programs(text)
        if entry["argv"] != stored.get(entry["name"]) and (name := interpreter(entry["argv"][0]))
    ]


def _programs(text: str | bytes) -> Iterator[tuple[str, Entry]]:
    places, contents, _ = parse(text)
    for name, entry in contents.verbs.items():
        argv = entry["argv"]
        if entry["kind"] == "program" and isinstance(argv, list) and argv and isinstance(argv[0], str):
            yield places.verb(name), entry
