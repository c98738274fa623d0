"""The decision alone: a million rules against ten, for one user whom the same ten speak of."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

from benchmarks.measure import Case, Side
from benchmarks.trial import Trial
from commands.conditions import Conditions
from commands.policy import Effect, Limits, Request, Rule, RuleSet, Subject, decide

OTHERS = 1_000_000
VERBS = ("calendar", "blacklist", "vacation", "forward", "passwd", "send", "deliver", "whitelist", "voicemail", "sieve")

ANN = Subject(user_id=1, username="ann@example.org", group_ids=frozenset({1, 2, 3}))
REQUEST = Request(
    ANN,
    "calendar",
    datetime(2026, 6, 1, 12, 0, tzinfo=UTC),
    tags=frozenset({"dates"}),
    arguments={"address": ("joe@example.org",)},
    remote_addr="10.1.2.3",
    tls=True,
)
INSIDE = Conditions(networks=(ip_network("10.0.0.0/8"),))
OUTSIDE = Conditions(networks=(ip_network("192.0.2.0/24"),))


def policy(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    ten, million = RuleSet(hers()), RuleSet((*hers(), *of_others()))
    sides = [Side("10 rules", decided(ten)), Side(f"{OTHERS + 10:,} rules", decided(million))]
    return [Case("decide() for one user", sides, batch=2000)]


def decided(rules: RuleSet) -> Callable[[], None]:
    def operate() -> None:
        decision = decide(rules, REQUEST)
        if not decision.allowed or len(decision.limits) != 1:
            raise AssertionError(decision)

    return operate


def hers() -> Iterator[Rule]:
    """Six of these match; one of them is a limit."""
    yield Rule(1, Effect.ALLOW, "", user_id=1, verb="calendar")
    yield Rule(2, Effect.ALLOW, "", user_id=1, verb="blacklist")
    yield Rule(3, Effect.ALLOW, "", group_id=1, tag="dates")
    yield Rule(4, Effect.ALLOW, "", group_id=2, conditions=INSIDE)
    yield Rule(5, Effect.ALLOW, "", domain="example.org", conditions=Conditions(tls=True))
    yield Rule(6, Effect.ALLOW, "", everyone=True, conditions=Conditions(arguments=(("address", r".*@example\.org"),)))
    yield Rule(7, Effect.DENY, "", everyone=True, verb="passwd")
    yield Rule(8, Effect.DENY, "", group_id=3, conditions=OUTSIDE)
    yield Rule(9, Effect.DENY, "", user_id=1, conditions=Conditions(arguments=(("address", r".*@example\.com"),)))
    yield Rule(10, Effect.LIMIT, "", everyone=True, limits=Limits(at_once=8))


def of_others() -> Iterator[Rule]:
    """Of each kind of subject, some for the very verb that is asked for."""
    for number in range(11, OTHERS + 11):
        effect = Effect.DENY if number % 7 == 0 else Effect.ALLOW
        verb = VERBS[number % len(VERBS)]
        if number % 4 == 0:
            yield Rule(number, effect, "", group_id=number)
        elif number % 4 == 1:
            yield Rule(number, effect, "", domain=f"d{number % 1000}.example", verb=verb)
        else:
            yield Rule(number, effect, "", user_id=number // 10 + 2, verb=verb)
