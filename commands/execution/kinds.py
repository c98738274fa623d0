"""How each kind of executable is started."""

from collections.abc import Awaitable, Callable, Mapping

from django.utils.module_loading import import_string

from commands.attempt import Accepted
from commands.execution.executable import Executable
from commands.kinds import KINDS

# By the verb's `kind`. Each raises ExecutableUnavailable if nothing could be started.
START: Mapping[str, Callable[[Accepted], Awaitable[Executable]]] = {
    name: import_string(kind.start) for name, kind in KINDS.items()
}
