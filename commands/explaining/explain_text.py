"""Explanations as lines of text to read, and as plain data for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils import timezone

from commands.audit_text import visible
from commands.explaining.explanation import Explanation, Question
from commands.explaining.reach import Answer, Reach
from commands.outcome import Outcome
from commands.policy import Rule

MEANING = {
    Outcome.ACCEPTED: "it would run",
    Outcome.NOPERM: "it may not be run",
    Outcome.NOVERB: "there is no such verb, or it is not enabled",
    Outcome.USAGE: "it may be run, but not with these arguments",
    Outcome.LIMIT: "it is over a limit",
    Outcome.PRIVACY: "it may be run by TLS alone",
    Outcome.UNAVAILABLE: "the map is at fault",
}


WIDEST = max(map(len, Answer))


def lines(explanation: Explanation) -> Iterator[str]:
    """The answer, then what led to it. Nothing in it moves a cursor."""
    question = explanation.question
    yield " ".join([f"{visible(question.user)}:", visible(question.verb), *explanation.arguments])
    yield circumstances(question)
    yield ""
    answer = "YES" if explanation.allowed else "NO"
    yield f"{answer}  {explanation.outcome}: {MEANING.get(explanation.outcome, '')}"
    yield f"     {readable(explanation.reason)}"
    yield from _part("Would run", [" ".join(explanation.runs)] if explanation.runs else [])
    yield from _part("Limits", [readable(f"{each.rule.name} — {each.words}") for each in explanation.limits])
    yield from _part("Rules that match", [readable(rule.name) for rule in explanation.matched])
    yield from _part("Rules that do not", [readable(f"{each.rule.name} — {each.why}") for each in explanation.unmet])
    if explanation.more:
        yield f"  and {explanation.more} more, of other users or verbs"


def readable(text: str) -> str:
    """Nothing in it moves a cursor; backslashes as they are, for the expressions of rules."""
    return visible(text).replace("\\\\", "\\")


def circumstances(question: Question) -> str:
    """`from 10.0.0.1, with TLS, at 2026-06-01 12:00`."""
    parts = [f"from {question.remote_addr}" if question.remote_addr else "from no known address"]
    parts.append("with TLS" if question.tls else "without TLS")
    if question.mailbox:
        parts.append(f"in the mailbox {visible(question.mailbox)}")
    if question.at is not None:
        parts.append(f"at {timezone.localtime(question.at):%Y-%m-%d %H:%M}")
    return ", ".join(parts)


def reach_lines(rows: Sequence[tuple[str, Reach]]) -> Iterator[str]:
    """A line for each: `calendar   yes          rule 3: …`."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, reach in rows:
        yield f"{visible(name):{width}}  {reach.answer:{WIDEST}}  {readable(reach.words)}"


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell."""
    shown = [list(map(visible, row)) for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def any_allowed(rows: Sequence[tuple[str, Reach]]) -> bool:
    return any(reach.answer is not Answer.NO for _, reach in rows)


def reach_data(rows: Sequence[tuple[str, Reach]]) -> list[dict[str, str]]:
    """For JSON."""
    return [{"name": name, "answer": reach.answer, "why": reach.words} for name, reach in rows]


def as_data(explanation: Explanation) -> dict[str, Any]:
    """For JSON. Secrets are as in the text."""
    question = explanation.question
    return {
        "user": question.user,
        "verb": question.verb,
        "arguments": list(explanation.arguments),
        "address": question.remote_addr,
        "tls": question.tls,
        "mailbox": question.mailbox,
        "at": None if question.at is None else question.at.isoformat(),
        "allowed": explanation.allowed,
        "outcome": explanation.outcome,
        "reason": explanation.reason,
        "rule": None if explanation.rule is None else explanation.rule.id,
        "runs": list(explanation.runs),
        "matched": [_rule_data(rule) for rule in explanation.matched],
        "unmet": [{**_rule_data(each.rule), "why": each.why} for each in explanation.unmet],
        "more_rules": explanation.more,
        "limits": [{**_rule_data(limit.rule), "used": limit.words} for limit in explanation.limits],
    }


def _rule_data(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "effect": rule.effect, "text": rule.text}


def _part(title: str, rows: Sequence[str] | Iterator[str]) -> Iterator[str]:
    rows = list(rows)
    if rows:
        yield ""
        yield title
        yield from (f"  {row}" for row in rows)
