"""Checks expectations against the map and the rules as the database has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.utils import timezone

from commands.arguments.signature import ArgumentLimitError, Match, UsageError, match_arguments
from commands.audit_text import printable
from commands.explaining.expectations import Expectation, Who
from commands.explaining.explanation import SECRET, with_placeholders
from commands.explaining.reach import Answer, Aspect, Reach, reach
from commands.explaining.who_may import (
    AT_ONCE,
    NOBODY_YET,
    active_users,
    as_subjects,
    subject_of,
    users_whom_it_may_serve,
)
from commands.policy import Request, Subject
from commands.rulebook.rules import load_common_rules, load_rules
from commands.rulebook.snapshot import load_snapshot
from commands.verbmap import VerbEntry

NAMED = 3
"""Users whom a failure names; that there are others is said."""

NEW = "a new user"


@dataclass(frozen=True, slots=True)
class Failure:
    """`expected` is the sentence, without secrets; `found` says what is, and by which rule."""

    line: int
    expected: str
    found: str


class Checker:
    """Answers for one state of the database: the map and the rules for everyone are read once."""

    def __init__(self) -> None:
        self._snapshot = load_snapshot()
        self._common = load_common_rules()
        self._now = timezone.localtime()

    def check(self, expectation: Expectation) -> Failure | None:
        """None: it is as expected. A name that is not there is a failure, whatever was expected of it."""
        found = self._found(expectation)
        if not found:
            return None
        return Failure(expectation.line, self._sentence(expectation), found)

    def _found(self, expectation: Expectation) -> str:
        name = expectation.verb
        entry = self._snapshot.verbs.get(name)
        if entry is None and name not in self._snapshot.disabled:
            return f"there is no verb {name}"
        subjects = _subjects(expectation, entry)
        if isinstance(subjects, str):
            return subjects
        if entry is None:
            return f"the verb {name} is not enabled" if expectation.may else ""
        try:
            match = _match(entry, expectation)
        except (ArgumentLimitError, UsageError) as error:
            return f"these are none of its arguments: {error}"
        return self._otherwise(expectation, entry, match, subjects)

    def _otherwise(
        self, expectation: Expectation, entry: VerbEntry, match: Match | None, subjects: Iterator[Subject]
    ) -> str:
        """Who may or may not, other than expected; empty if nobody."""
        found: list[str] = []
        while some := list(islice(subjects, AT_ONCE)):
            rules = load_rules(*some, common=self._common)
            for subject in some:
                asked = _request(expectation, entry, match, subject, self._time(expectation))
                answer = reach(rules.about(asked), asked, _known(expectation))
                if (answer.answer is not Answer.NO) is expectation.may:
                    continue
                if len(found) == NAMED:
                    return "; ".join([*found, "and others"])
                found.append(_words(subject, answer))
        return "; ".join(found)

    def _time(self, expectation: Expectation) -> datetime:
        return self._now if expectation.at is None else timezone.make_aware(expectation.at)

    def _sentence(self, expectation: Expectation) -> str:
        arguments = [argument.encode() for argument in expectation.arguments]
        hidden = self._snapshot.hidden_positions(expectation.verb, arguments)
        shown = [SECRET if place in hidden else printable(each) for place, each in enumerate(arguments)]
        return " ".join([expectation.text, *shown])


def _subjects(expectation: Expectation, entry: VerbEntry | None) -> Iterator[Subject] | str:
    """Whom it speaks of; else why nobody. Of users who may not, those are left out whom nothing allows it."""
    name = expectation.name
    users = active_users() if expectation.may or entry is None else users_whom_it_may_serve(entry)
    match expectation.who:
        case Who.USER:
            subject = subject_of(name)
            return _nobody(name, expectation.may) if subject is None else iter([subject])
        case Who.GROUP:
            group = Group.objects.filter(name=name).first()
            if group is None:
                return f"there is no group {name}"
            return _each(users.filter(groups=group), Subject(NOBODY_YET, "", frozenset({group.pk})))
        case Who.DOMAIN:
            return _each(users.filter(username__iendswith=f"@{name}"), Subject(NOBODY_YET, f"@{name}"))
        case _:
            return _each(users, Subject(NOBODY_YET, ""))


def _nobody(name: str, may: bool) -> str:
    if not User.objects.filter(username=name).exists():
        return f"there is no user {name}"
    return f"the user {name} is not active" if may else ""


def _each(users: QuerySet[User], new: Subject) -> Iterator[Subject]:
    """Those who are there, and the one who will come."""
    yield new
    for user in users.iterator(chunk_size=1000):
        yield from as_subjects([user])


def _match(entry: VerbEntry, expectation: Expectation) -> Match | None:
    """None: they are open. Raises ArgumentLimitError and UsageError."""
    if not expectation.arguments:
        return None
    arguments = [argument.encode() for argument in expectation.arguments]
    signatures = with_placeholders(entry, arguments).signatures
    return match_arguments(entry.name, signatures, arguments, entry.takes_input)


def _request(
    expectation: Expectation, entry: VerbEntry, match: Match | None, subject: Subject, at: datetime
) -> Request:
    arguments = [argument.encode() for argument in expectation.arguments]
    return Request(
        subject=subject,
        verb=entry.name,
        at=at,
        tags=entry.tags,
        arguments={} if match is None else match.signature.texts(arguments, at.date()),
        remote_addr=expectation.address,
        tls=expectation.tls is True,
        mailbox=expectation.mailbox or "",
    )


def _known(expectation: Expectation) -> frozenset[Aspect]:
    given = {
        Aspect.ARGUMENTS: bool(expectation.arguments),
        Aspect.ADDRESS: expectation.address is not None,
        Aspect.TLS: expectation.tls is not None,
        Aspect.MAILBOX: expectation.mailbox is not None,
        Aspect.TIME: expectation.at is not None,
    }
    return frozenset(known for known, is_given in given.items() if is_given)


def _words(subject: Subject, found: Reach) -> str:
    name = NEW if subject.user_id == NOBODY_YET else subject.username
    may = "may not" if found.answer is Answer.NO else "may"
    return f"{name} {may}: {found.words}"
