"""The console: a command line at which staff run verbs as themselves."""

from collections.abc import Mapping
from typing import Any

from commands import about, authorization
from commands.attempt import Attempt
from commands.audit_text import visible
from commands.verbmap import VerbEntry
from commands.web.console.line import split
from commands.web.console.sitting import Sitting

NO_VERBS = "No rule allows you any verb: there is nothing that you could run.\n"


class Console(Sitting):
    """Beside verbs it knows `help` and `help VERB`. A verb of that name is run by `execute help`."""

    door = "console"

    async def asked(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"do": "line", "text": str(text)}:
                text.encode()  # ValueError: half of a character
                self.begin(self._line(text))
            case _:
                raise ValueError("not understood")

    async def _line(self, text: str) -> None:
        try:
            words = split(text)
        except ValueError as error:
            await self.page.note(str(error), "bad")
            return
        match [words[0].lower(), *words[1:]] if words else []:
            case []:
                return
            case ["help"]:
                await self._help()
            case ["help", name]:
                await self._help_of(name.lower())
            case ["help", *_]:
                await self.page.note("Expected: help, or help VERB.", "bad")
            case ["execute", name, *arguments]:
                await self._execute(name.lower(), arguments)
            case [name, *arguments]:
                await self._execute(name, arguments)

    async def _execute(self, name: str, arguments: list[str]) -> None:
        await self.run(
            Attempt(
                user_id=self.user.pk,
                username=self.user.get_username(),
                verb=name,
                arguments=tuple(argument.encode() for argument in arguments),
                door=self.door,
                remote_addr=self.whence.remote_addr,
                tls=self.whence.tls,
                client_id=self.whence.user_agent,
            )
        )

    async def _help(self) -> None:
        verbs = await authorization.visible_verbs(self.user.pk)
        await self.page.show("STDOUT", about.listing(verbs) or NO_VERBS)

    async def _help_of(self, name: str) -> None:
        for entry in await authorization.visible_verbs(self.user.pk):
            if entry.name == name:
                await self.page.show("STDOUT", _what_it_takes(entry))
                return
        await self.page.note(f"You may run no verb {visible(name)}; help lists those that you may.", "bad")


def _what_it_takes(verb: VerbEntry) -> str:
    usages = verb.usage.split(" | ") if verb.usage else ["(no arguments)"]
    lines = [f"{verb.name} {usage}".rstrip() for usage in usages]
    if verb.description:
        lines.append(visible(verb.description))
    if verb.takes_input:
        lines.append("MESSAGE is typed after the command line; ^D at the start of a line ends it.")
    elif verb.mode == "interactive":
        lines.append("A dialogue: what is typed goes to it. ^D at the start of a line ends the input, ^C cancels.")
    if any(signature.secrets for signature in verb.signatures):
        lines.append("Write - for a secret: it is asked for, and not shown.")
    return "\n".join(lines) + "\n"
