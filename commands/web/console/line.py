"""A command line: taken apart as a shell would, with no shell. Pure."""

import shlex


def split(text: str) -> list[str]:
    """The words of a command line: quotes and backslashes as in a shell, and nothing else of a shell's.

    Raises ValueError; its text says what was expected."""
    if "\0" in text:
        raise ValueError("A command line can't hold NUL.")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError as error:
        if str(error) == "No escaped character":
            raise ValueError("The line ends in a backslash: write two for one that is meant.") from None
        raise ValueError("A quote is not closed: close it, or write \\\" or \\' for one that is meant.") from None
