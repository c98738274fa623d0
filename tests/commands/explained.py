"""A small map with rules of every kind, for what explains them."""

from typing import Any

from django.contrib.auth.models import Group, User

from commands.models import Parameter, Rule, Signature, Tag, Verb


def make_verb(name: str, *signatures: tuple[Parameter, ...], tags: tuple[str, ...] = (), **fields: Any) -> Verb:
    verb = Verb.objects.create(name=name, **({"argv": ["/bin/echo", "{*}"]} | fields))
    verb.tags.set([Tag.objects.get_or_create(name=tag)[0] for tag in tags])
    for position, parameters in enumerate(signatures):
        signature = Signature.objects.create(verb=verb, position=position)
        for place, parameter in enumerate(parameters):
            parameter.signature, parameter.position = signature, place
            parameter.save()
    return verb


def make_rule(effect: str = "allow", **fields: Any) -> Rule:
    rule = Rule(effect=effect, reason="a test", **fields)
    rule.full_clean()
    rule.save()
    return rule


def make_site() -> dict[str, Any]:
    """ann (staff) may run the calendar and, by TLS, passwd; bob, of example.org, whom nothing names, may list it."""
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob@example.org")
    staff = Group.objects.create(name="staff")
    ann.groups.add(staff)
    word = Parameter(name="action", type="word", detail="add")
    calendar = make_verb(
        "calendar", (word, Parameter(name="day", type="date")), (Parameter(name="action", type="word", detail="list"),)
    )
    passwd = make_verb(
        "passwd",
        (Parameter(name="old", type="secret"), Parameter(name="new", type="secret")),
        argv=["/bin/cat"],
        tags=("account",),
    )
    return {
        "ann": ann,
        "bob": bob,
        "staff": staff,
        "calendar": calendar,
        "passwd": passwd,
        "calendar_rule": make_rule(group=staff, verb=calendar),
        "passwd_rule": make_rule(group=staff, tag=Tag.objects.get(name="account"), tls="yes"),
        "list_rule": make_rule(domain="example.org", verb=calendar, arguments={"action": "list"}),
    }
