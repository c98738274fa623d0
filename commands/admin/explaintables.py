"""Explanations as tables of the admin's pages."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from commands.admin.base import RelatedTable
from commands.admin.text import EFFECT_COLOURS, label
from commands.explaining import explain_text
from commands.explaining.explanation import Explanation, Limit
from commands.explaining.reach import Answer, Reach
from commands.explaining.who_may import Cell, Several
from commands.models import Lock, Rule
from commands.outcome import Outcome
from commands.policy import Effect, Subject
from commands.policy import Rule as PolicyRule
from commands.verbmap import VerbEntry
from commands.web.text import visible

COLOURS = {Answer.YES: "success", Answer.NO: "danger", Answer.CONDITIONAL: "warning"}


def answer_in_words(found: Explanation) -> dict[str, str]:
    """What the head of the answer says. Wrong usage is no rule's doing, and of it the usage is said by itself."""
    question, rule = found.question, None if found.outcome is Outcome.USAGE else found.rule
    by_rule = rule is not None and found.reason == rule.name
    return {
        "call": " ".join([f"{visible(question.user)}:", visible(question.verb), *found.arguments]),
        "circumstances": explain_text.circumstances(question),
        "meaning": explain_text.MEANING[found.outcome],
        "rule": rule_link(rule),
        "reason": "" if by_rule or found.outcome is Outcome.USAGE else visible(found.reason),
        "usage": "" if found.verb is None else f"{found.verb.name} {found.verb.usage or '(no arguments)'}",
    }


def of_explanation(found: Explanation) -> list[RelatedTable]:
    """What holds and what does not; no table where nothing was to be asked."""
    tables = []
    if found.limits:
        rows = [[rule_link(each.rule), _used(each)] for each in found.limits]
        tables.append(RelatedTable("Limits that hold", ("Rule", "Used"), rows, ""))
    matched = [[_effect(rule), rule_link(rule)] for rule in found.matched]
    tables.append(RelatedTable("Rules that match", ("Effect", "Rule"), matched, "None."))
    unmet: list[list[Any]] = [[_effect(each.rule), rule_link(each.rule), visible(each.why)] for each in found.unmet]
    if found.more:
        unmet.append(["", f"and {found.more} more", "of other users or verbs"])
    tables.append(RelatedTable("Rules that do not match", ("Effect", "Rule", "Why not"), unmet, "None."))
    return tables


def of_user(subject: Subject, cells: Sequence[Cell]) -> RelatedTable:
    return RelatedTable(
        title=f"What {visible(subject.username)} may run",
        headers=("Verb", "Answer", "Why"),
        rows=[[call_link(subject.username, cell.verb), answer(cell.reach), why(cell.reach)] for cell in cells],
        empty_text="No verb is enabled: nobody may run anything.",
    )


def of_several(entry: VerbEntry, several: Sequence[Several]) -> RelatedTable:
    return RelatedTable(
        title="Groups, mail domains, everyone",
        headers=("Who", "Answer", "Why"),
        rows=[[visible(each.text), answer(each.reach), why(each.reach)] for each in several],
        empty_text=f"No rule about {entry.name} speaks of a group, a domain or everyone.",
    )


def of_verb(entry: VerbEntry, rows: Iterable[tuple[Subject, Sequence[Cell]]], count: int) -> RelatedTable:
    return RelatedTable(
        title=f"Users whom a rule allows it: {count}",
        headers=("User", "Answer", "Why"),
        rows=[
            [call_link(subject.username, entry, subject.username), answer(cell.reach), why(cell.reach)]
            for subject, cells in rows
            for cell in cells
        ],
        empty_text="Nobody.",
    )


def call_link(username: str, entry: VerbEntry, text: str = "") -> SafeString:
    """To the page that explains a call of it; `text` or else the verb's name."""
    address = f"{reverse('admin:commands_rule_explain')}?{urlencode({'user': username, 'verb': entry.name})}"
    return format_html('<a href="{}" class="text-link">{}</a>', address, visible(text or entry.name))


def answer(reach: Reach) -> SafeString:
    return label(reach.answer, COLOURS[reach.answer])


def why(reach: Reach) -> SafeString:
    rules = [] if reach.rule is None else [reach.rule]
    rules += [rule for rule in reach.depends_on if rule is not reach.rule]
    if not rules:
        return format_html("{}", "no rule allows it")
    links = format_html_join("", "<span>{}</span>", ((rule_link(rule),) for rule in rules))
    return format_html('<span class="flex flex-col gap-1">{}</span>', links)


def rule_link(rule: PolicyRule | None) -> SafeString:
    """A rule or lock in words, as a link to its page where it has one."""
    if rule is None:
        return SafeString("")
    model = Lock if rule.effect is Effect.LOCK else Rule
    if not admin.site.is_registered(model):
        return format_html("{}", visible(rule.name))
    address = reverse(f"admin:commands_{model._meta.model_name}_change", args=[rule.id])
    return format_html('<a href="{}" class="text-link">{}</a>', address, visible(rule.name))


def _used(limit: Limit) -> SafeString:
    return format_html("{} {}", limit.words, label("reached", "danger") if limit.reached else "")


def _effect(rule: PolicyRule) -> SafeString:
    return label(rule.effect, EFFECT_COLOURS.get(rule.effect, "danger"))
