"""The gate: nothing runs without an allow that stands now, and without a record of it that is committed."""

import asyncio
import logging
import threading
from dataclasses import dataclass, replace

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import audit
from commands.attempt import Accepted, Attempt
from commands.audit import decode_arguments, record_exit
from commands.authorization import Refused, authorize, reconsider, record_limit, takes_input, visible_verbs
from commands.models import AuditEvent, Execution, Lock, Parameter, Rule, Signature, Tag, Verb
from commands.outcome import Outcome

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@dataclass(frozen=True)
class End:
    outcome: Outcome = Outcome.EXIT
    code: int | None = 0
    bytes_in: int = 3
    bytes_out: int = 4
    seconds: float = 1.5
    transcript_digest: bytes | None = None
    reason: str = ""


@pytest.fixture
def ann():
    return User.objects.create_user("ann")


@pytest.fixture
def verb():
    verb = Verb.objects.create(name="blacklist", argv=["/bin/echo", "{*}"])
    signature = Signature.objects.create(verb=verb)
    Parameter.objects.create(signature=signature, position=0, name="add", type="word", detail="add")
    Parameter.objects.create(signature=signature, position=1, name="address", type="email")
    return verb


@pytest.fixture
def rule(ann, verb):
    return Rule.objects.create(user=ann, verb=verb)


@pytest.fixture
def attempt(ann):
    arguments = (b"add", b"joe@smith.com")
    return Attempt(ann.pk, "ann", "blacklist", arguments, "imap", remote_addr="::1", tls=True, tag="1")


def decide(attempt: Attempt) -> Accepted | Refused:
    try:
        return asyncio.run(authorize(attempt))
    except Refused as refused:
        return refused


def outcome(attempt: Attempt) -> Outcome:
    answer = decide(attempt)
    return answer.outcome if isinstance(answer, Refused) else Outcome.ACCEPTED


def events():
    """Of attempts and their ends: changes of the map are events too."""
    return AuditEvent.objects.exclude(kind="change").order_by("pk")


def ask(unit):
    """What a unit of the writer answers."""

    async def submitted():
        return await audit.writer.submit(unit)

    return asyncio.run(submitted())


def run_sql(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_accept_is_committed_when_authorize_returns(attempt, rule):
    accepted = asyncio.run(authorize(attempt))
    event = events().get()  # by this thread's own connection
    assert (event.kind, event.outcome, event.actor_id, event.actor) == ("accept", "accepted", attempt.user_id, "ann")
    assert (event.rule_id, event.rule) == (rule.pk, "allow user ann: blacklist")
    assert (event.execution_id, event.revision) == (accepted.execution_id, accepted.revision)
    assert (event.verb, event.arguments_text, event.door) == ("blacklist", "add joe@smith.com", "imap")
    assert (event.remote_addr, event.tls) == ("::1", True)
    assert decode_arguments(event.arguments) == attempt.arguments
    execution = Execution.objects.get()
    assert (execution.pk, execution.username, execution.outcome) == (accepted.execution_id, "ann", "")
    assert accepted.argv == (b"/bin/echo", b"add", b"joe@smith.com")


def test_denied_and_unknown_verb_look_the_same_but_not_in_the_record(attempt, verb, ann):
    group = Group.objects.create(name="staff")
    ann.groups.add(group)
    Rule.objects.create(everyone=True, all_verbs=True)
    deny = Rule.objects.create(group=group, verb=verb, effect="deny")
    denied, unknown = decide(attempt), decide(replace(attempt, verb="nothing"))
    assert (denied.outcome, denied.text) == (Outcome.NOPERM, unknown.text)
    assert unknown.outcome == Outcome.NOPERM
    first, second = events()
    assert (first.kind, first.outcome, first.rule_id) == ("reject", "noperm", deny.pk)
    assert first.rule == "deny group staff: blacklist"
    assert (second.kind, second.outcome, second.verb, second.rule_id) == ("reject", "noverb", "nothing", None)
    assert not Execution.objects.exists()


def test_lock_is_recorded_as_a_lock_and_as_no_rule(attempt, rule):
    lock = Lock.objects.create(pk=rule.pk, user=rule.user, reason="lost phone")
    assert outcome(attempt) == Outcome.NOPERM
    event = events().get()
    assert (event.rule_id, event.rule) == (None, f"lock {lock.pk}: user ann (lost phone)")
    lock.delete()
    assert outcome(attempt) == Outcome.ACCEPTED


def test_no_rule_means_no(attempt, verb):
    assert outcome(attempt) == Outcome.NOPERM
    assert events().get().reason == "no rule allows it"


def test_verb_that_is_not_enabled_is_not_there(attempt, rule, verb):
    Verb.objects.update(enabled=False)
    assert outcome(attempt) == Outcome.NOPERM
    assert events().get().outcome == Outcome.NOVERB


def test_wrong_arguments_are_refused_with_the_usage(attempt, rule):
    refused = decide(replace(attempt, arguments=(b"add", b"\xff")))
    assert refused.outcome == Outcome.USAGE
    assert refused.text == "blacklist: usage: add ADDRESS"
    event = events().get()
    assert (event.outcome, event.rule_id, event.arguments_text) == ("usage", rule.pk, "add \\xff")


def test_too_many_arguments_are_refused_and_kept(attempt, rule):
    arguments = (b"x",) * 17
    assert outcome(replace(attempt, arguments=arguments)) == Outcome.LIMIT
    assert decode_arguments(events().get().arguments) == arguments


def test_attempt_that_no_column_would_take_is_recorded(attempt, rule):
    assert outcome(replace(attempt, verb="\x00" * 70 + "\udcff" * 70, remote_addr="nowhere")) == Outcome.NOPERM
    event = events().get()
    assert event.verb.isprintable()
    assert event.remote_addr is None


@pytest.mark.parametrize(
    "revoke",
    [
        lambda rule: Rule.objects.filter(pk=rule.pk).update(enabled=False),
        lambda rule: Rule.objects.filter(pk=rule.pk).update(effect="deny"),
        lambda rule: Rule.objects.filter(pk=rule.pk).delete(),
        lambda rule: run_sql("DELETE FROM commands_rule"),
        lambda rule: run_sql("UPDATE commands_rule SET effect = 'deny'"),
        lambda rule: User.objects.update(is_active=False),
        lambda rule: run_sql("UPDATE auth_user SET is_active = false"),
        lambda rule: User.objects.all().delete(),
        lambda rule: User.objects.update(username="bob"),
    ],
    ids=["off", "deny", "gone", "gone-sql", "deny-sql", "inactive", "inactive-sql", "no-user", "renamed"],
)
def test_revoked_right_is_gone_at_the_next_attempt(attempt, rule, revoke):
    assert outcome(attempt) == Outcome.ACCEPTED
    revoke(rule)
    assert outcome(attempt) == Outcome.NOPERM


def test_right_of_a_group_goes_with_the_membership(attempt, verb, ann):
    group = Group.objects.create(name="staff")
    Rule.objects.create(group=group, all_verbs=True)
    assert outcome(attempt) == Outcome.NOPERM
    ann.groups.add(group)
    assert outcome(attempt) == Outcome.ACCEPTED
    run_sql("DELETE FROM auth_user_groups")
    assert outcome(attempt) == Outcome.NOPERM


def test_changed_verb_is_the_one_that_runs(attempt, rule):
    assert decide(attempt).argv[0] == b"/bin/echo"
    Verb.objects.update(argv=["/bin/true"])
    assert decide(attempt).argv == (b"/bin/true",)


def test_visible_verbs_are_those_that_may_be_run_by_name(ann, rule):
    other = Verb.objects.create(name="alpha", argv=["/bin/true"])
    Verb.objects.create(name="beta", argv=["/bin/true"])
    Rule.objects.create(everyone=True, verb=other)
    bob = User.objects.create_user("bob")
    assert [entry.name for entry in asyncio.run(visible_verbs(ann.pk))] == ["alpha", "blacklist"]
    assert [entry.name for entry in asyncio.run(visible_verbs(bob.pk))] == ["alpha"]
    User.objects.update(is_active=False)
    assert asyncio.run(visible_verbs(ann.pk)) == ()
    assert not events().exists()


def refuse_inserts_by_a_trigger() -> None:
    if connection.vendor == "sqlite":
        run_sql("CREATE TRIGGER full BEFORE INSERT ON commands_auditevent BEGIN SELECT RAISE(ABORT, 'full'); END")
        return
    run_sql("CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'full'; END$$")
    run_sql('CREATE TRIGGER "full" BEFORE INSERT ON commands_auditevent EXECUTE FUNCTION full_up()')


def take_inserts_again() -> None:
    if connection.vendor == "sqlite":
        run_sql("DROP TRIGGER full")
    else:
        run_sql("DROP FUNCTION full_up() CASCADE")


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (refuse_inserts_by_a_trigger, take_inserts_again),
        (
            lambda: run_sql("ALTER TABLE commands_auditevent RENAME TO away"),
            lambda: run_sql("ALTER TABLE away RENAME TO commands_auditevent"),
        ),
        (
            lambda: run_sql("ALTER TABLE commands_execution RENAME TO away"),
            lambda: run_sql("ALTER TABLE away RENAME TO commands_execution"),
        ),
    ],
    ids=["trigger", "no-events", "no-executions"],
)
def test_attempt_that_can_not_be_recorded_is_refused_as_unavailable(attempt, rule, away, back):
    away()
    try:
        assert outcome(attempt) == Outcome.UNAVAILABLE
        asyncio.run(record_limit(attempt))
    finally:
        back()
    assert not Execution.objects.exists()
    assert not AuditEvent.objects.filter(kind="accept").exists()
    assert outcome(attempt) == Outcome.ACCEPTED


def test_accept_that_comes_too_late_is_followed_by_an_exit(attempt, rule, settings):
    settings.IMAPX = {**settings.IMAPX, "AUDIT_SECONDS": 0.2}
    go = threading.Event()

    async def conversation():
        async with asyncio.TaskGroup() as group:
            hold = group.create_task(ignore(audit.writer.submit(lambda: go.wait(10))))
            await asyncio.sleep(0)
            with pytest.raises(Refused) as caught:
                await authorize(attempt)
            go.set()
            await hold
        audit.writer.stop()
        return caught.value.outcome

    assert asyncio.run(conversation()) == Outcome.UNAVAILABLE
    assert list(events().values_list("kind", "outcome")) == [
        ("accept", "accepted"),
        ("exit", "unavailable"),
    ]
    assert Execution.objects.get().outcome == "unavailable"


async def ignore(awaitable) -> None:
    try:
        await awaitable
    except audit.StoreUnavailable:
        pass


def test_exit_is_recorded_once_and_completes_the_execution(attempt, rule):
    accepted = decide(attempt)
    asyncio.run(record_exit(accepted, End()))
    asyncio.run(record_exit(accepted, End(outcome=Outcome.ERROR)))
    event = AuditEvent.objects.get(kind="exit")
    assert (event.outcome, event.exit_code, event.bytes_in, event.bytes_out) == ("exit", 0, 3, 4)
    assert (event.execution_id, event.verb, event.actor) == (accepted.execution_id, "blacklist", "ann")
    assert event.duration.total_seconds() == 1.5
    execution = Execution.objects.get()
    assert (execution.outcome, execution.exit_code, execution.bytes_out) == ("exit", 0, 4)
    assert execution.ended >= execution.started


def test_exit_of_an_execution_without_summary_is_recorded_once_all_the_same(attempt, rule):
    accepted = decide(attempt)
    Execution.objects.all().delete()
    asyncio.run(record_exit(accepted, End()))
    asyncio.run(record_exit(accepted, End(outcome=Outcome.ERROR)))
    assert AuditEvent.objects.get(kind="exit").outcome == "exit"


def test_exit_is_tried_again_until_the_store_takes_it(attempt, rule):
    accepted = decide(attempt)
    refuse_inserts_by_a_trigger()
    refused = threading.Event()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            refused.set()

    def repair() -> None:
        assert refused.wait(10)
        take_inserts_again()
        connection.close()  # this thread's

    async def conversation() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(record_exit(accepted, End()))
            group.create_task(asyncio.to_thread(repair))

    logger, watch = logging.getLogger("commands.audit_writer"), Watch()
    logger.addHandler(watch)
    try:
        asyncio.run(conversation())
    finally:
        logger.removeHandler(watch)
    assert AuditEvent.objects.filter(kind="exit").count() == 1


def test_verb_that_needs_tls_says_so_and_is_recorded(attempt, rule):
    Rule.objects.update(tls="yes")
    refused = decide(replace(attempt, tls=False))
    assert (refused.outcome, refused.text) == (Outcome.PRIVACY, "this verb needs TLS")
    event = events().get()
    assert (event.outcome, event.reason) == ("privacyrequired", "no rule allows it; by TLS it may be run")
    assert outcome(attempt) == Outcome.ACCEPTED


def test_rules_see_the_whole_attempt(attempt, rule, verb):
    verb.tags.add(Tag.objects.create(name="lists"))
    conditions = {"networks": "10.0.0.0/8", "mailbox": "Junk", "arguments": {"address": r".*@smith\.com"}}
    Rule.objects.update(verb=None, tag=Tag.objects.get(), **conditions)
    there = replace(attempt, remote_addr="10.0.0.1", mailbox="Junk")
    assert outcome(there) == Outcome.ACCEPTED
    for other in ({"mailbox": ""}, {"remote_addr": "::1"}, {"arguments": (b"add", b"joe@jones.org")}):
        assert outcome(replace(there, **other)) == Outcome.NOPERM


def test_client_that_names_itself_is_recorded(attempt, rule):
    asyncio.run(authorize(replace(attempt, client_id="Mutt 2.2")))
    assert events().get().client_id == "Mutt 2.2"


@pytest.mark.parametrize("change", ["networks", "mailbox", "arguments", "tls"])
def test_verb_is_visible_to_whom_may_run_it_in_some_way(ann, rule, change):
    values = {"networks": "10.0.0.0/8", "mailbox": "Junk", "arguments": {"address": "x"}, "tls": "yes"}
    Rule.objects.update(**{change: values[change]})
    assert [entry.name for entry in asyncio.run(visible_verbs(ann.pk))] == ["blacklist"]
    Rule.objects.create(effect="deny", user=ann, all_verbs=True, **{change: values[change]})
    assert [entry.name for entry in asyncio.run(visible_verbs(ann.pk))] == ["blacklist"]
    Rule.objects.create(effect="deny", user=ann, all_verbs=True)
    assert asyncio.run(visible_verbs(ann.pk)) == ()


def test_verb_of_a_rule_that_is_past_is_not_visible(ann, rule):
    Rule.objects.update(valid_until=timezone.now())
    assert asyncio.run(visible_verbs(ann.pk)) == ()


def test_only_a_verb_that_may_be_run_takes_input(ann, rule):
    assert not asyncio.run(takes_input(ann.pk, "blacklist"))
    Verb.objects.update(takes_input=True)
    assert asyncio.run(takes_input(ann.pk, "blacklist"))
    Rule.objects.all().delete()
    assert not asyncio.run(takes_input(ann.pk, "blacklist"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rule: None, None),
        (lambda rule: rule.delete(), "no rule allows it any more"),
        (lambda rule: Rule.objects.update(effect="deny"), "rule {}: deny user ann: blacklist"),
        (lambda rule: Rule.objects.update(valid_until=timezone.now()), "no rule allows it any more"),
        (lambda rule: Rule.objects.create(effect="limit", everyone=True, all_verbs=True, at_once=1), None),
        (lambda rule: Lock.objects.create(pk=5, user=rule.user, reason="lost phone"), "lock 5: user ann (lost phone)"),
        (lambda rule: Lock.objects.create(pk=5, network="::1", reason="x"), "lock 5: network ::1 (x)"),
        (lambda rule: Lock.objects.create(network="::2", reason="x"), None),
        (lambda rule: User.objects.update(is_active=False), "no such user, or not active"),
        (lambda rule: Verb.objects.update(enabled=False), "the verb is not enabled"),
        (lambda rule: Verb.objects.update(name="other"), "the verb is gone"),
    ],
)
def test_what_runs_is_decided_again_by_the_map_of_now(attempt, rule, change, reason):
    accepted, number = decide(attempt), rule.pk
    change(rule)
    revoked = ask(lambda: reconsider([accepted]))
    assert revoked == ({} if reason is None else {accepted.execution_id: reason.format(number)})


def test_all_that_runs_is_decided_again_in_a_fixed_number_of_queries(verb):
    Rule.objects.create(everyone=True, all_verbs=True)
    users = [User.objects.create_user(f"user{number}") for number in range(20)]
    arguments = (b"add", b"joe@smith.com")
    accepted = [decide(Attempt(user.pk, user.username, "blacklist", arguments, "imap")) for user in users]
    User.objects.filter(pk=users[3].pk).update(is_active=False)

    def counted():
        with CaptureQueriesContext(connection) as queries:
            return reconsider(accepted), len(queries)

    revoked, first = ask(counted)
    assert list(revoked) == [accepted.pop(3).execution_id]
    assert first <= 15  # the map, then users, rules and locks, each once, and the revision between
    again, queries = ask(counted)
    assert again == {} and queries <= 1  # the revision, if that


def test_limit_is_recorded(attempt, rule):
    asyncio.run(record_limit(attempt))
    event = events().get()
    assert (event.kind, event.outcome, event.verb) == ("reject", "limit", "blacklist")
