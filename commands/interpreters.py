"""Programs that run whatever their arguments say: a verb of one is a shell, whatever else it looks like.

Known by name: the list stops whoever does not mean to, and who copies a shell under another name knows what it is.
What such a verb must not do, whoever saves it, is in `validators.validate_argv`.
"""

import re
from pathlib import Path

from commands.programfile import LINKS

_SHELLS = r"(r?b?a|r?k|da|z|c|tc|mk|pdk|lk|ya|o|pw|xon|fi|rs|mo)?sh|elvish|nu"
_LANGUAGES = (
    r"perl|python|pypy|ruby|jruby|irb|node|nodejs|deno|bun|php|phpdbg|lua|luajit|tclsh|wish|expect|guile|Rscript|R"
    r"|julia|erl|escript|elixir|iex|groovy|scala|jshell|java|osascript|[gmn]?awk|original-awk|sed|ed|ex|vi|vim|emacs"
)
_STARTERS = (
    r"env|sudo|doas|su|runuser|setpriv|pkexec|ssh|xargs|find|parallel|nice|ionice|nohup|timeout|setsid|stdbuf|time"
    r"|watch|chroot|unshare|nsenter|strace|ltrace|gdb|script|flock|chrt|taskset|systemd-run|start-stop-daemon|make"
    r"|ld(-linux[a-z0-9_-]*)?\.so"
)
_MANY = r"busybox|toybox"  # what they are is said by the name that they are started under

INTERPRETER = re.compile(rf"({_SHELLS}|{_LANGUAGES}|{_STARTERS}|{_MANY})[-0-9.]*")
MANY = re.compile(_MANY)


def interpreter(path: str) -> str:
    """The name of the shell, interpreter or starter of others that the absolute `path` leads to; empty: it is none."""
    first, *others = _names(path)
    if INTERPRETER.fullmatch(first):
        return first
    return next((name for name in others if INTERPRETER.fullmatch(name) and not MANY.fullmatch(name)), "")


def _names(path: str) -> list[str]:
    """The file's own name, and those of what it links to; as far as that is there."""
    place = Path(path)
    names = [place.name]
    for _ in range(LINKS):
        try:
            place = place.parent.resolve() / place.readlink()
        except OSError:
            break
        names.append(place.name)
    return names
