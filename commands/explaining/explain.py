"""What the gate would answer now, and all that leads to it. Nothing runs, nothing is counted, nothing is recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.contrib.auth import get_user_model
from django.utils import timezone

from commands import judgement, models
from commands.arguments.signature import build_argv, match_arguments
from commands.attempt import Attempt
from commands.audit_text import printable
from commands.explaining.explanation import SECRET, Explanation, Limit, Question, Unmet, with_placeholders
from commands.judgement import Allowed, Rejected
from commands.outcome import Outcome
from commands.policy import Effect, Request, Rule, RuleSet, Subject
from commands.rulebook.limits import first_full, used
from commands.rulebook.rules import load_rules, rule_from_model
from commands.rulebook.snapshot import load_snapshot, load_subject
from commands.verbmap import Snapshot, VerbEntry

LISTED = 50
"""Rules that don't match, as many as anybody reads; the others are counted."""


def explain(question: Question) -> Explanation:
    """Answer a question from the database as it is now."""
    snapshot = _with_placeholders(load_snapshot(), question)
    user = get_user_model().objects.filter(username=question.user).only("pk", "is_active").first()
    subject = None if user is None else load_subject(user.pk)
    if user is None or subject is None:
        why = f"there is no user {question.user}" if user is None else f"the user {question.user} is not active"
        return Explanation(question, Outcome.NOPERM, why, arguments=_shown(snapshot, question))
    return _Explaining(question, snapshot, subject, load_rules(subject)).answer()


class _Explaining:
    def __init__(self, question: Question, snapshot: Snapshot, subject: Subject, rules: RuleSet) -> None:
        self._question, self._snapshot, self._subject, self._rules = question, snapshot, subject, rules
        self._at = timezone.localtime(question.at)
        self._entry = snapshot.verbs.get(question.verb)
        self._attempt = Attempt(
            user_id=subject.user_id,
            username=subject.username,
            verb=question.verb,
            arguments=question.arguments,
            door="explain",
            remote_addr=question.remote_addr,
            tls=question.tls,
            mailbox=question.mailbox,
            input_size=_input_size(self._entry, question.arguments),
        )

    def answer(self) -> Explanation:
        judged = judgement.judge(self._snapshot, self._rules, self._subject, self._attempt, self._at)
        request = self._request()
        unmet, more = self._unmet(request)
        about = Explanation(
            question=self._question,
            outcome=Outcome.ACCEPTED,
            reason="",
            rule=judged.rule,
            verb=self._entry or self._snapshot.disabled.get(self._question.verb),
            arguments=_shown(self._snapshot, self._question),
            matched=tuple(sorted((rule for rule in self._rules if rule.matches(request)), key=_rank)),
            unmet=unmet,
            more=more,
        )
        if isinstance(judged, Rejected):
            return replace(about, outcome=judged.outcome, reason=judged.reason)
        return self._within_limits(replace(about, reason=judged.decision.reason), judged)

    def _within_limits(self, about: Explanation, allowed: Allowed) -> Explanation:
        now = timezone.now()
        limits = [Limit(rule, used(rule, self._subject, allowed.verb.name, now)) for rule in allowed.decision.limits]
        about = replace(about, limits=tuple(limits), runs=_runs(allowed, self._question.arguments))
        rejected = first_full(allowed.decision.limits, self._subject, allowed.verb.name, now)
        if rejected is None:
            return about
        return replace(about, outcome=rejected.outcome, rule=rejected.rule, reason=rejected.reason)

    def _request(self) -> Request:
        """As the rules saw it in the end. Where the arguments could not be told apart, they are not known."""
        if self._entry is None:
            asked = self._question
            return Request(self._subject, asked.verb, self._at, remote_addr=asked.remote_addr, tls=asked.tls)
        try:
            match = match_arguments(self._entry.name, self._entry.signatures, self._question.arguments)
        except ValueError:
            return judgement.request(self._subject, self._entry, self._attempt, self._at)
        return judgement.request(self._subject, self._entry, self._attempt, self._at, match)

    def _unmet(self, request: Request) -> tuple[tuple[Unmet, ...], int]:
        """Those about this user and verb first, then those about this user, those about others of this verb."""
        loaded = {rule.id for rule in self._rules if rule.effect is not Effect.LOCK}
        about = {(rule.effect, rule.id) for rule in self._rules.about(request)}
        mine = [Unmet(rule, why) for rule in self._rules if (why := rule.unmet(request))]
        mine.sort(key=lambda unmet: ((unmet.rule.effect, unmet.rule.id) not in about, unmet.rule.id))
        off = [Unmet(rule, "it is not enabled") for rule in _disabled(request)]
        listed = [*mine[:LISTED], *off][:LISTED]
        others = [Unmet(rule, rule.unmet(request)) for rule in _others(request, loaded, LISTED - len(listed))]
        in_all = models.Rule.objects.filter(enabled=True).count() - len(loaded) + len(mine) + len(off)
        return (*listed, *others), max(0, in_all - len(listed) - len(others))


def _with_placeholders(snapshot: Snapshot, question: Question) -> Snapshot:
    entry = snapshot.verbs.get(question.verb)
    if entry is None:
        return snapshot
    return replace(snapshot, verbs={**snapshot.verbs, entry.name: with_placeholders(entry, question.arguments)})


def _runs(allowed: Allowed, arguments: Sequence[bytes]) -> tuple[str, ...]:
    verb = allowed.verb
    if not verb.argv:
        return (verb.kind, verb.address or verb.plugin)
    return tuple(map(printable, build_argv(verb.argv, allowed.match.values, arguments)))


def _input_size(entry: VerbEntry | None, arguments: Sequence[bytes]) -> int | None:
    """As if the message were there, where the verb takes one and the arguments name none of the mailbox."""
    if entry is None or not entry.takes_input:
        return None
    try:
        return 0 if match_arguments(entry.name, entry.signatures, arguments).uids is None else None
    except ValueError:
        return 0


def _shown(snapshot: Snapshot, question: Question) -> tuple[str, ...]:
    hidden = snapshot.hidden_positions(question.verb, question.arguments)
    return tuple(
        SECRET if place in hidden else printable(argument) for place, argument in enumerate(question.arguments)
    )


def _disabled(request: Request) -> Iterable[Rule]:
    """Rules that somebody has switched off and that would speak of this user and this verb."""
    rows = models.Rule.objects.filter(enabled=False, verb__name=request.verb)
    rules = map(rule_from_model, rows.select_related("user", "group", "verb", "tag")[:LISTED])
    return [rule for rule in rules if rule.speaks_of(request.subject)]


def _others(request: Request, loaded: set[int], count: int) -> Iterable[Rule]:
    """Rules that speak of this verb, but of others than this user."""
    if count <= 0:
        return []
    rows = models.Rule.objects.filter(enabled=True, verb__name=request.verb)
    rows = rows.select_related("user", "group", "verb", "tag")[: count + len(loaded)]
    return [rule_from_model(row) for row in rows if row.pk not in loaded][:count]


def _rank(rule: Rule) -> tuple[int, int]:
    return (Effect.LOCK, Effect.DENY, Effect.ALLOW, Effect.LIMIT).index(rule.effect), rule.id
