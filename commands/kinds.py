"""The kinds of executable: a new one is a file in commands/execution and a line here. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`needs` and `may_have` are fields of the map that others have not. `start` is the dotted path of an async
    function that takes an Accepted and returns an Executable, or raises ExecutableUnavailable: nothing has run."""

    label: str
    start: str
    needs: str
    may_have: frozenset[str] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        return self.may_have | {self.needs}


_PROGRAM_HAS = frozenset({"environment", "send_stderr"})
_SOCKET_HAS = frozenset({"preamble", "connect_limit"})

# By the verb's `kind`.
KINDS = {
    "program": Kind("a process, a new one each time", "commands.execution.program.start_program", "argv", _PROGRAM_HAS),
    "socket": Kind("a service that runs already", "commands.execution.socket.start_socket", "address", _SOCKET_HAS),
    "plugin": Kind("Python inside the server", "commands.execution.plugin.start_plugin", "plugin"),
}


def choices() -> list[tuple[str, str]]:
    return [(name, f"{name}: {kind.label}") for name, kind in KINDS.items()]


def kinds_by_field() -> dict[str, list[str]]:
    """Which kinds have each of the fields that not all have."""
    fields = sorted(frozenset().union(*(kind.fields for kind in KINDS.values())))
    return {field: [name for name, kind in KINDS.items() if field in kind.fields] for field in fields}


def foreign_fields(name: str) -> list[str]:
    """The fields that are of other kinds alone."""
    return [field for field, names in kinds_by_field().items() if name not in names]
