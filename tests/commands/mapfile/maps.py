"""Maps by hypothesis: whatever the database could hold and the models let through."""

import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from hypothesis import strategies as st

from commands.mapfile.entries import FIELDS, Contents, default_of
from commands.mapfile.parameters import parameter_fields, shortened
from commands.models import Parameter

USERS, GROUPS = ("ann", "joe@example.org", 'O\'Neil "x"'), ("staff", "cafe\u0301 é")
NAMES = st.from_regex(r"[a-z][a-z0-9._-]{0,8}", fullmatch=True)
# What a PostgreSQL text holds: no NUL, no half of a surrogate pair.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
SOME_TEXT = TEXT.filter(lambda text: bool(text.strip()))
MOMENTS = st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2099, 1, 1), timezones=st.just(datetime.UTC))
LIMITS = st.none() | st.integers(1, 1000)


def make_people() -> None:
    for name in USERS:
        User.objects.get_or_create(username=name)
    for name in GROUPS:
        Group.objects.get_or_create(name=name)


def _some(kind: str, **strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An entry with some of these fields, and all others as by default."""
    defaults = {name: default_of(kind, name) for name in FIELDS[kind]}
    return st.fixed_dictionaries({}, optional=strategies).map(lambda given: defaults | given)


def _parameter() -> st.SearchStrategy[Any]:
    words = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
    word = words.map(lambda name: {"name": name, "type": "word", "detail": name})
    optional = {"optional": st.just(True), "max_length": st.integers(1, 1000), "allow_leading_dash": st.just(True)}
    other = st.fixed_dictionaries(
        {"name": words, "type": st.sampled_from(["text", "email", "date", "mailbox"])}, optional=optional
    )
    order = parameter_fields(Parameter)
    return (word | other).map(lambda entry: shortened({name: entry[name] for name in order if name in entry}))


def _verb(tags: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    strategies = {
        "description": TEXT,
        "enabled": st.just(False),
        "mode": st.just("interactive"),
        "environment": st.dictionaries(st.from_regex(r"X[A-Z]{0,3}", fullmatch=True), TEXT, max_size=3),
        "send_stderr": st.just(True),
        "takes_input": st.just(True),
        "changes_mail": st.just(True),
        "time_limit": st.integers(1, 86400),
        "output_limit": st.integers(0, 2**62),
        "transcript": st.sampled_from(["metadata", "full"]),
        "redactions": st.lists(st.sampled_from([r"\d+", "a'b", r'"\s*"', "é"]), max_size=2),
        "tags": st.lists(st.sampled_from(tags), unique=True).map(sorted) if tags else st.just([]),
        "signatures": st.lists(st.lists(_parameter(), max_size=3), max_size=3),
    }
    argv = st.lists(TEXT.filter(lambda text: "{" not in text), max_size=3).map(lambda rest: ["/bin/echo", *rest])
    return st.tuples(argv, _some("verb", **strategies)).map(lambda pair: pair[1] | {"argv": pair[0]})


def _rule(verbs: list[str], tags: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    subjects: list[st.SearchStrategy[dict[str, Any]]] = [
        st.sampled_from(USERS).map(lambda name: {"user": name}),
        st.sampled_from(GROUPS).map(lambda name: {"group": name}),
        st.sampled_from(["example.org", "a.test"]).map(lambda name: {"domain": name}),
        st.just({"everyone": True}),
    ]
    what: list[st.SearchStrategy[dict[str, Any]]] = [st.just({"all_verbs": True})]
    what += [st.sampled_from(verbs).map(lambda name: {"verb": name})] if verbs else []
    what += [st.sampled_from(tags).map(lambda name: {"tag": name})] if tags else []
    hours = st.tuples(st.times(), st.times()).filter(lambda pair: pair[0] != pair[1])
    conditions = _some(
        "rule",
        reason=SOME_TEXT,
        enabled=st.just(False),
        networks=st.sampled_from(["10.0.0.0/8", "192.0.2.7 2001:db8::/32"]),
        tls=st.sampled_from(["yes", "no"]),
        mailbox=st.sampled_from(["INBOX", r"Lists/.*", r"a\.b"]),
        weekdays=st.sampled_from(["mon", "sat sun"]),
        valid_from=MOMENTS.filter(lambda at: at.year < 2050),
        valid_until=MOMENTS.filter(lambda at: at.year >= 2050),
    )
    limited = st.fixed_dictionaries(
        {"effect": st.just("limit"), "per_day": st.integers(1, 1000), "at_once": LIMITS, "per_minute": LIMITS},
        optional={"counted": st.sampled_from(["user", "user-verb", "verb"])},
    )
    effect = st.sampled_from([{"effect": "allow"}, {"effect": "deny"}]) | limited
    between = st.just({}) | hours.map(lambda pair: {"hours_from": pair[0], "hours_until": pair[1]})
    return st.tuples(conditions, effect, st.one_of(subjects), st.one_of(what), between).map(_merged)


def _merged(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for part in parts:
        entry |= part
    return entry | {"reason": entry["reason"].strip() or "why not"}


@st.composite
def maps(draw: st.DrawFn) -> Contents:
    tags = draw(st.dictionaries(NAMES, TEXT, max_size=3))
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    verbs = {name: draw(_verb(list(tags))) | {"name": name} for name in names}
    rules = draw(st.lists(_rule(names, list(tags)), max_size=4))
    return Contents(draw(st.lists(st.sampled_from(["ADD", "SET"]), unique=True)), tags, verbs, rules)
