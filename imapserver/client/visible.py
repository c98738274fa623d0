"""What a program puts out, made fit for a terminal: it must not move the cursor, set a title or paste a command."""

import codecs


class Visible:
    """Octets in, text out, however they are cut. LF and TAB pass; other control and format characters, and what is no
    UTF-8, are shown as `\\x1b`."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def text(self, data: bytes, *, final: bool = False) -> str:
        text = self._held + self._decoder.decode(data, final)
        # A CR at the end may be half of a CRLF, which is a line's end.
        self._held = "\r" if text.endswith("\r") and not final else ""
        text = text[: len(text) - len(self._held)].replace("\r\n", "\n")
        return "".join(char if char.isprintable() or char in "\n\t" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def visible(text: str | bytes) -> str:
    return Visible().text(text.encode() if isinstance(text, str) else text, final=True)
