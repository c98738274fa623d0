"""The form of Dovecot's XEXEC plugin of 2007: a line of output is an untagged OK, of errors NO (PROTOCOL section 8)."""

from commands.execution.execution import Execution
from commands.outcome import Outcome
from imapserver.forms.enquiry import Enquiries
from imapserver.forms.form import Exchange

LINE = 8 * 1024
"""Octets of one line; a longer one goes in several, since clients limit those that they read."""

CONDITIONS = {"STDOUT": "OK", "STDERR": "NO"}


class Xexec:
    prompts = True

    async def carry(self, execution: Execution, exchange: Exchange) -> None:
        if exchange.message is not None:
            await execution.write(exchange.message)
        if execution.verb.mode == "one-shot":
            execution.close_input()
        enquiries = Enquiries()
        unfinished = {"STDOUT": b"", "STDERR": b""}

        async def send(stream: str, data: bytes) -> None:
            *lines, rest = (unfinished[stream] + data).split(b"\n")
            while len(rest) > LINE:
                lines.append(rest[:LINE])
                rest = rest[LINE:]
            unfinished[stream] = rest
            if lines:
                await exchange.conduit.write(b"".join(untagged(stream, line) for line in lines))

        while output := await execution.read():
            first, *others = enquiries.split(output.data) if output.stream == "STDOUT" else [output.data]
            await send(output.stream, first)
            for piece in others:
                line = await exchange.conduit.dialogues.ask("OK")
                if line == b"*":
                    execution.end(Outcome.CANCELED)
                await execution.write(line + b"\n")
                await send("STDOUT", piece)
        await send("STDOUT", enquiries.rest())
        for stream, rest in unfinished.items():
            if rest:
                await send(stream, b"\n")


def untagged(stream: str, line: bytes) -> bytes:
    """One line of output as a status response that a client can take for nothing else: no response code, no literal,
    and what is no text replaced."""
    text = line.removesuffix(b"\r").decode("utf-8", "replace")
    text = "".join(char if char >= " " and char != "\x7f" else " " for char in text)
    if text.startswith("["):
        text = " " + text
    if text.endswith("}"):
        text += " "
    return b"* %b %b\r\n" % (CONDITIONS[stream].encode(), text.encode() or b" ")
