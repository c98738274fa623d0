import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from commands.audit_text import Redacted, encode_arguments, printable
from commands.models import ActionVerb, AuditEvent, Execution, Parameter, Rule, Signature, Verb


def make_event(arguments: tuple[bytes | Redacted, ...] = (), **fields: Any) -> AuditEvent:
    values = {
        "at": timezone.now(),
        "kind": "reject",
        "outcome": "noperm",
        "actor": "ann",
        "verb": "blacklist",
        "node": "mail1:7",
        "remote_addr": "192.0.2.7",
        "arguments": encode_arguments(arguments),
        "arguments_text": " ".join(map(printable, arguments)),
    }
    return AuditEvent.objects.create(**(values | fields))


def make_execution(**fields: Any) -> Execution:
    started = timezone.now()
    values = {"user_id": 1, "username": "demo", "verb": "blacklist", "door": "imap", "started": started}
    if fields.get("outcome"):
        values["ended"] = started + timedelta(seconds=2)
    return Execution.objects.create(**(values | fields))


def make_verb(name: str, *signatures: tuple[Parameter, ...], **fields: Any) -> Verb:
    verb = Verb.objects.create(name=name, **({"argv": ["/bin/true"]} | fields))
    for position, parameters in enumerate(signatures):
        signature = Signature.objects.create(verb=verb, position=position)
        for place, parameter in enumerate(parameters):
            parameter.signature, parameter.position = signature, place
            parameter.save()
    return verb


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    """A site that starts without a warning, and does not spend half a second on each password."""
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def rows(db: None) -> dict[str, Any]:
    """One row or more of each of our models, by the model's name in addresses."""
    demo, staff = User.objects.create_user("demo"), Group.objects.create(name="staff")
    add = (Parameter(name="action", type="word", detail="add"), Parameter(name="address", type="email"))
    verb = make_verb("blacklist", add, (Parameter(name="action", type="word", detail="list"),))
    rule = Rule.objects.create(user=demo, verb=verb)
    Rule.objects.create(effect="deny", group=staff, all_verbs=True)
    Rule.objects.create(effect="deny", everyone=True, verb=verb)
    key = uuid.uuid4()
    make_event(
        (b"add", b"joe@smith.com"), kind="accept", outcome="accepted", execution_id=key, rule_id=rule.pk, rule=str(rule)
    )
    return {
        "commands/verb": verb,
        "commands/actionverb": ActionVerb.objects.create(name="ADD"),
        "commands/rule": rule,
        "commands/execution": make_execution(id=key),
        "commands/auditevent": make_event(kind="exit", outcome="exit", exit_code=0, execution_id=key),
        "auth/user": demo,
        "auth/group": staff,
    }
