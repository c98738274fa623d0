"""Secret arguments: wherever an attempt ends, the record holds their lengths and HMACs and nothing else of them."""

import asyncio
import hashlib
import hmac
import logging
from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from commands.attempt import Accepted, Attempt
from commands.audit import Redacted, decode_arguments, encode_arguments, printable, redact
from commands.authorization import Refused, authorize, record_limit
from commands.models import AuditEvent, Execution, Parameter, Rule, Signature, Verb
from commands.outcome import Outcome
from tests.support.stored import stored

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = b"hunter2-old", b"hunter2-new"


@pytest.fixture(autouse=True)
def debug_log(caplog):
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def verb():
    verb = Verb.objects.create(name="passwd", argv=["/bin/cat"])
    signature = Signature.objects.create(verb=verb)
    for position, name in enumerate(("old", "new")):
        Parameter.objects.create(signature=signature, position=position, name=name, type="secret")
    return verb


@pytest.fixture
def rule(ann, verb):
    return Rule.objects.create(user=ann, verb=verb)


@pytest.fixture
def attempt(ann):
    return Attempt(ann.pk, "ann", "passwd", (OLD, NEW), "imap")


def run(attempt: Attempt) -> Accepted | Refused:
    try:
        return asyncio.run(authorize(attempt))
    except Refused as refused:
        return refused


def assert_nowhere(caplog, *more: object) -> None:
    assert "hunter2" not in stored() + caplog.text + "".join(map(repr, more)) + "".join(map(str, more))


def test_accepted_secrets_are_on_record_by_length_and_hmac_alone(attempt, rule, caplog):
    accepted = run(attempt)
    assert accepted.match.secrets == (OLD, NEW)
    assert_nowhere(caplog, attempt, accepted)
    event = AuditEvent.objects.get()
    assert decode_arguments(event.arguments) == tuple(redact(secret, attempt.user_id) for secret in (OLD, NEW))
    assert event.arguments_text.startswith("(secret of 11 bytes, HMAC ")
    assert Execution.objects.get().arguments_text == event.arguments_text


@pytest.mark.parametrize(
    "arguments",
    [(OLD,), (OLD, NEW, b"x"), (b"x", OLD, NEW), (OLD + b"\xff", NEW), (OLD * 100, NEW), (OLD,) * 20],
    ids=["one", "three", "shifted", "no-utf8", "too-long", "too-many"],
)
def test_arguments_that_match_nothing_are_redacted(attempt, rule, caplog, arguments):
    refused = run(replace(attempt, arguments=arguments))
    assert refused.outcome in {Outcome.USAGE, Outcome.LIMIT}
    assert_nowhere(caplog, refused)
    assert all(isinstance(each, Redacted) for each in decode_arguments(AuditEvent.objects.get().arguments))


def test_what_is_not_permitted_is_redacted(attempt, verb, caplog):
    assert run(attempt).outcome is Outcome.NOPERM
    assert_nowhere(caplog)


@pytest.mark.parametrize("arguments", [(OLD, NEW), (OLD, NEW, OLD)])
def test_verb_that_is_not_enabled_keeps_its_secrets(attempt, rule, caplog, arguments):
    Verb.objects.update(enabled=False)
    assert run(replace(attempt, arguments=arguments)).outcome is Outcome.NOPERM
    assert AuditEvent.objects.get().outcome == Outcome.NOVERB
    assert_nowhere(caplog)


def test_misspelt_verb_keeps_what_may_be_secrets(attempt, rule, caplog):
    assert run(replace(attempt, verb="paswd")).outcome is Outcome.NOPERM
    assert_nowhere(caplog)


def test_unknown_verb_shows_its_arguments_where_no_verb_takes_secrets(attempt, rule):
    Parameter.objects.update(type="text")
    run(replace(attempt, verb="nothing", arguments=(b"/etc/passwd",)))
    assert AuditEvent.objects.get().arguments_text == "/etc/passwd"


@pytest.mark.parametrize("change", [{"is_active": False}, {"username": "bob"}])
def test_user_who_is_refused_keeps_its_secrets(attempt, rule, caplog, change):
    get_user_model().objects.update(**change)
    assert run(attempt).outcome is Outcome.NOPERM
    assert_nowhere(caplog)


def test_attempt_over_the_limit_of_executions_is_redacted(attempt, rule, caplog):
    asyncio.run(record_limit(attempt))
    assert AuditEvent.objects.get().outcome == Outcome.LIMIT
    assert_nowhere(caplog)


def test_attempt_that_can_not_be_recorded_is_logged_without_arguments(attempt, rule, caplog):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE commands_auditevent RENAME TO away")
    try:
        refused = run(attempt)
        asyncio.run(record_limit(attempt))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO commands_auditevent")
    assert refused.outcome is Outcome.UNAVAILABLE
    assert "Not recorded" in caplog.text
    assert_nowhere(caplog, refused)


@pytest.mark.parametrize("argv", [["/bin/echo", "{old}"], ["/bin/echo", "{*}"]])
def test_map_that_would_show_a_secret_in_argv_is_not_run(attempt, rule, caplog, argv):
    Verb.objects.update(argv=argv)  # past the models
    refused = run(attempt)
    assert (refused.outcome, refused.text) == (Outcome.UNAVAILABLE, "passwd is not available")
    assert "would show a secret" in AuditEvent.objects.get().reason
    assert not Execution.objects.exists()
    assert_nowhere(caplog, refused)


def test_other_arguments_of_the_same_verb_are_shown(attempt, rule):
    signature = Signature.objects.create(verb=rule.verb, position=1)
    Parameter.objects.create(signature=signature, position=0, name="action", type="word", detail="show")
    Parameter.objects.create(signature=signature, position=1, name="key", type="secret")
    Parameter.objects.create(signature=signature, position=2, name="what", type="text")
    run(replace(attempt, arguments=(b"show", OLD, b"more")))
    first, second, third = decode_arguments(AuditEvent.objects.get().arguments)
    assert (first, third) == (b"show", b"more")
    assert isinstance(second, Redacted)


def test_hmac_is_under_a_key_of_its_own_and_of_the_user(settings):
    redacted = redact(OLD, 7)
    key = hashlib.sha256(b"commands.audit.redact 7" + settings.SECRET_KEY.encode()).digest()
    assert redacted == Redacted(len(OLD), hmac.digest(key, OLD, "sha256"))
    assert redacted != redact(OLD, 8)


def test_no_argument_passes_for_a_redacted_one():
    redacted = redact(OLD, 7)
    encoded = encode_arguments([redacted])
    assert decode_arguments(encoded) == (redacted,)
    for argument in (encoded, encoded[3:-1], printable(redacted).encode()):
        assert decode_arguments(encode_arguments([argument, redacted])) == (argument, redacted)
        assert printable(argument) != printable(redacted)
