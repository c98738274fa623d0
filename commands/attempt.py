"""What comes in through any door: somebody wants to run a verb."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who wants to run what, from where. `verb` is in lower case; `arguments` are the raw bytes, NUL-free."""

    user_id: int
    username: str
    verb: str
    arguments: tuple[bytes, ...]
    door: str
    remote_addr: str | None = None
    tls: bool = False
    tag: str = ""
    mailbox: str = ""
