"""Trying a verb as another user: what would run is told as one types; what runs is on record with who tried it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from commands.attempt import Attempt
from commands.audit_text import visible
from commands.explaining.explain import explain
from commands.explaining.explain_text import MEANING, circumstances, readable
from commands.explaining.explanation import Explanation, Question
from commands.models import Verb
from commands.outcome import Outcome
from commands.policy import Effect, Rule
from commands.web.console.line import split
from commands.web.console.page import Tell
from commands.web.console.sitting import Sitting, in_thread
from commands.web.console.whence import Whence

NAMES = 10
"""Of users that begin with what was typed."""


@dataclass(frozen=True, slots=True)
class Call:
    """Whom to try it as, and with which arguments, as a command line."""

    user: str
    line: str


class Trying(Sitting):
    door = "try"

    def __init__(self, user: User, whence: Whence, tell: Tell, verb_id: int) -> None:
        super().__init__(user, whence, tell)
        self._verb_id = verb_id
        self._wanted: Call | None = None
        self._explaining: asyncio.Task[None] | None = None

    async def asked(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"do": "run", "user": str(user), "line": str(line)}:
                self.begin(self._run_as(_call(user, line)))
            case {"do": "explain", "user": str(user), "line": str(line)}:
                self._wanted = _call(user, line)
                if self._explaining is None or self._explaining.done():
                    self._explaining = asyncio.get_running_loop().create_task(self._explain())
            case _:
                raise ValueError("not understood")

    def abandon(self) -> None:
        super().abandon()
        if self._explaining is not None:
            self._explaining.cancel()

    async def _run_as(self, call: Call) -> None:
        verb, user = await in_thread(self._look_up)(call)
        try:
            arguments = _arguments(call.line)
        except ValueError as error:
            await self.page.note(str(error), "bad")
            return
        if verb is None or user is None:
            gone = "The verb is gone." if verb is None else f"There is no user {visible(call.user)}."
            await self.page.note(gone, "bad")
            return
        await self.run(
            Attempt(
                user_id=user.pk,
                username=user.get_username(),
                verb=verb,
                arguments=arguments,
                door=self.door,
                remote_addr=self.whence.remote_addr,
                tls=self.whence.tls,
                client_id=f"tried by {self.user.get_username()}",
            )
        )

    def _look_up(self, call: Call) -> tuple[str | None, User | None]:
        verb = Verb.objects.filter(pk=self._verb_id).values_list("name", flat=True).first()
        return verb, User.objects.filter(username=call.user).first()

    async def _explain(self) -> None:
        """Of what was asked meanwhile only the last is answered."""
        while self._wanted is not None:
            call, self._wanted = self._wanted, None
            answer = await in_thread(self._answer)(call)
            await self.page.tell(say="answer", user=call.user, line=call.line, **answer)

    def _answer(self, call: Call) -> dict[str, Any]:
        names = self._names(call.user)
        verb, _ = self._look_up(call)
        try:
            arguments = _arguments(call.line)
        except ValueError as error:
            return {"allowed": False, "meaning": str(error), "names": names}
        if verb is None:
            return {"allowed": False, "meaning": "The verb is gone.", "names": names}
        whence = self.whence
        found = explain(Question(call.user, verb, arguments, remote_addr=whence.remote_addr, tls=whence.tls))
        return {**_in_words(found, self.user), "names": names}

    def _names(self, begin: str) -> list[str]:
        if not self.user.has_perm("auth.view_user"):
            return []
        found = User.objects.filter(is_active=True, username__istartswith=begin).order_by("username")
        return list(found.values_list("username", flat=True)[:NAMES])


def _call(user: str, line: str) -> Call:
    """Raises ValueError if it is no text."""
    user.encode()
    line.encode()
    if "\0" in user:
        raise ValueError("not a name")
    return Call(user.strip(), line)


def _arguments(line: str) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in split(line))


def _in_words(found: Explanation, reader: User) -> dict[str, Any]:
    """The rule is told to those who may read rules."""
    may_read, verb = reader.has_perm("commands.view_rule"), found.verb
    by_rule = may_read or found.outcome in (Outcome.USAGE, Outcome.UNAVAILABLE)
    rule = found.rule if may_read and found.outcome is not Outcome.USAGE else None
    return {
        "allowed": found.allowed,
        "meaning": MEANING.get(found.outcome, found.outcome),
        "reason": readable(found.reason) if by_rule else "",
        "rule": _address(rule),
        "runs": list(found.runs),
        "usage": "" if verb is None else f"{verb.name} {verb.usage or '(no arguments)'}",
        "circumstances": circumstances(found.question),
    }


def _address(rule: Rule | None) -> str:
    """Of the rule's page; a lock's number is no rule's."""
    if rule is None or rule.effect is Effect.LOCK:
        return ""
    return reverse("admin:commands_rule_change", args=[rule.id])
