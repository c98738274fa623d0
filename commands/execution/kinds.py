"""The kinds of executable: a new one is a file beside program.py and a line here."""

from collections.abc import Awaitable, Callable, Mapping

from commands.attempt import Accepted
from commands.execution.executable import Executable
from commands.execution.plugin import start_plugin
from commands.execution.program import start_program
from commands.execution.socket import start_socket

# By the verb's `kind`. Each raises ExecutableUnavailable if nothing could be started.
START: Mapping[str, Callable[[Accepted], Awaitable[Executable]]] = {
    "program": start_program,
    "socket": start_socket,
    "plugin": start_plugin,
}
