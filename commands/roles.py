"""The roles of those who work on the web pages, as groups: what each may see and do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission
from django.db import transaction


@dataclass(frozen=True, slots=True)
class Role:
    """`permissions` are by model, as in `commands.lock`, each with the actions that Django names."""

    name: str
    text: str
    permissions: Mapping[str, Sequence[str]]


VIEW = ("view",)
EDIT = ("view", "add", "change", "delete")

MAP = {
    **{f"commands.{model}": VIEW for model in ("verb", "signature", "parameter", "actionverb", "tag", "rule", "lock")},
    # Rules and locks name them.
    "auth.user": VIEW,
    "auth.group": VIEW,
}

ROLES = (
    Role(
        "Auditors",
        "read the record, its transcripts and the map, watch what runs, and have decisions explained; they change "
        "nothing",
        {
            **MAP,
            **{f"commands.{model}": VIEW for model in ("auditevent", "transcriptchunk", "connection")},
            "commands.execution": ("view", "watch"),
        },
    ),
    Role(
        "Operators",
        "see the map, who is connected and what runs; end it, lock and unlock; no audit events, and nothing of what "
        "goes in and out",
        {
            **MAP,
            "commands.execution": ("view", "end"),
            "commands.connection": ("view", "end"),
            "commands.lock": ("view", "add", "delete"),
        },
    ),
    Role(
        "Displays",
        "see who is connected and what runs, and stay logged in: for a screen on a wall, whose user has no other right",
        {"commands.connection": ("view", "display"), "commands.execution": VIEW},
    ),
    Role(
        "Rule editors",
        "say who may run what: rules and tags; they can give themselves every verb that is in the map",
        {**MAP, "commands.rule": EDIT, "commands.tag": EDIT},
    ),
    Role(
        "Verb editors",
        "say what runs, and try it as anybody: as good as a shell on the server, since a verb runs whatever program it "
        "names",
        {
            **MAP,
            **{f"commands.{model}": EDIT for model in ("signature", "parameter", "actionverb", "tag")},
            "commands.verb": (*EDIT, "try"),
        },
    ),
)


@transaction.atomic
def make() -> None:
    """Make the groups, or give those that are there just these permissions again. Their members stay."""
    for role in ROLES:
        group, _ = Group.objects.get_or_create(name=role.name)
        group.permissions.set(_permissions(role))


def _permissions(role: Role) -> list[Permission]:
    return [
        Permission.objects.get(content_type__app_label=app, content_type__model=model, codename=f"{action}_{model}")
        for name, actions in role.permissions.items()
        for app, _, model in (name.partition("."),)
        for action in actions
    ]
