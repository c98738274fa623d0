"""Plugins: what one is given, and how it is found. An entry point of the group `imapx.plugins`, or `register`.

A plugin is an async callable that takes a Context. It returns its exit status, None for 0. Whatever it raises is
logged and ends it with status 1; nothing of that is shown to the client.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from typing import Protocol

from commands.arguments.signature import Values

GROUP = "imapx.plugins"


@dataclass(frozen=True, slots=True)
class PluginUser:
    """On whose behalf it runs, and from where."""

    id: int
    username: str
    remote_addr: str | None
    tls: bool
    mailbox: str  # that is selected, or empty


class Context(Protocol):
    """What a plugin works with. Secret arguments are among the others; no `repr` shows any."""

    arguments: tuple[bytes, ...]
    values: Values  # by the names of parameters; those left out are not in it
    user: PluginUser

    async def read(self, size: int = 65536, /) -> bytes:
        """At most `size` bytes of the input, as soon as there are some; b"" at its end."""

    async def readline(self) -> bytes:
        r"""A line with its `\n`; the last one may lack it, b"" is the end. ValueError if it has more than 64 KiB."""

    async def ask(self, prompt: str = "") -> bytes:
        r"""Write the prompt, wait for a line, return it without its `\n`. EOFError if the input has ended."""

    async def write(self, data: bytes, /) -> None:
        """Return when there is room for more: a client that takes nothing holds it up until a limit ends it all."""


Plugin = Callable[[Context], Awaitable[int | None]]

_registered: dict[str, Plugin] = {}


class PluginMissing(LookupError):
    """No plugin of this name is installed, or it can't be imported. The text is for the log."""


def register(name: str, plugin: Plugin) -> None:
    """Make a plugin known by this name, to be called in `ready()` of a Django app. It goes before an entry point."""
    _registered[name] = plugin


def names() -> list[str]:
    """The names of all plugins that are installed here. None of them is imported."""
    return sorted({*_registered, *_installed()})


def find(name: str) -> Plugin:
    """The plugin of this name, imported if it has not been. Raises PluginMissing."""
    if name not in _registered:
        entry = _installed().get(name)
        if entry is None:
            raise PluginMissing(f"plugin {name}: none of this name is installed")
        try:
            _registered[name] = entry.load()
        except Exception as error:
            raise PluginMissing(f"plugin {name}: {entry.value} can't be imported: {error}") from error
    return _registered[name]


def _installed() -> dict[str, EntryPoint]:
    # Not entry_points(): of a distribution that is found twice it takes the first, which may be what a build has left.
    return {each.name: each for found in distributions() for each in found.entry_points.select(group=GROUP)}
