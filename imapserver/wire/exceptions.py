"""Whose fault it is decides the answer: these are the peer's."""


class WireError(Exception):
    """The peer broke the grammar or a limit. `str()` is text for a status response: ASCII, ours."""


class BadSyntax(WireError):
    """This one command is refused; the start of the next one is known. Answer: BAD."""


class Violation(WireError):
    """Where the next command starts can't be known, or costs too much to find. Answer: BAD, BYE, close."""
