"""Map and rules of one revision, immutable: what authorization decides on, without the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from types import MappingProxyType

from django.contrib.auth import get_user_model
from django.db import connection

from commands import models, policy, signature
from commands.conditions import ANY, DAYS, Conditions

# SQL by hand: the same query by the ORM takes ten times as long, and each EXECUTE waits for it.
READ_REVISION = f'SELECT number FROM "{models.MapRevision._meta.db_table}" WHERE id = 1'  # noqa: S608


@dataclass(frozen=True, slots=True)
class VerbEntry:
    """One verb of the map. Limits are in seconds and bytes; `argv` is the template, not yet filled in."""

    id: int
    name: str
    description: str
    mode: str
    kind: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    changes_mail: bool
    send_stderr: bool
    time_limit: int
    idle_limit: int
    output_limit: int
    input_limit: int
    signatures: tuple[signature.Signature, ...]
    takes_input: bool = False  # a message that is none of the arguments
    address: str = ""
    preamble: str = "none"
    connect_limit: int = 5
    plugin: str = ""
    tags: frozenset[str] = frozenset()
    transcript: str = "none"
    redactions: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """`add ADDRESS | list`; empty if the verb takes no arguments. A message as input is the last of them."""
        return signature.usage(self.signatures, self.takes_input)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is enabled, at one revision. `verbs` is by name, `action_verbs` in capitals.

    `disabled` is of verbs too: nobody may run them, but which of their arguments are secret is still to be known.
    """

    revision: int
    verbs: Mapping[str, VerbEntry]
    disabled: Mapping[str, VerbEntry]
    rules: policy.RuleSet
    action_verbs: frozenset[str]

    @property
    def has_secrets(self) -> bool:
        """Whether any verb takes a secret argument, also one that is not enabled."""
        entries = (*self.verbs.values(), *self.disabled.values())
        return any(each.secrets for entry in entries for each in entry.signatures)


def read_revision() -> int:
    """The map's revision now: it is read at each EXECUTE, so that nothing stale is ever decided on."""
    with connection.cursor() as cursor:
        cursor.execute(READ_REVISION)
        row = cursor.fetchone()
    if row is None:
        raise models.MapRevision.DoesNotExist
    return row[0]


def load_snapshot() -> Snapshot:
    """Read map and rules: a fixed number of queries, however large they are."""
    while True:
        revision = read_revision()
        verbs, disabled = _load_verbs()
        snapshot = Snapshot(
            revision=revision,
            verbs=MappingProxyType(verbs),
            disabled=MappingProxyType(disabled),
            rules=_load_rules(),
            action_verbs=frozenset(models.ActionVerb.objects.values_list("name", flat=True)),
        )
        # Under READ COMMITTED each query sees its own state: verbs of one revision, rules of the next.
        if read_revision() == revision:
            return snapshot


def load_subject(user_id: int) -> policy.Subject | None:
    """The user with its groups, in one query; None: there is no such user, or it is not active."""
    rows = list(
        get_user_model()
        .objects.filter(pk=user_id, is_active=True)
        .order_by()
        .values_list("username", "groups__pk")  # an outer join: a user without groups has one row, and None
    )
    if not rows:
        return None
    group_ids = frozenset(group_id for _, group_id in rows if group_id is not None)
    return policy.Subject(user_id=user_id, username=rows[0][0], group_ids=group_ids)


def _load_verbs() -> tuple[dict[str, VerbEntry], dict[str, VerbEntry]]:
    """Those that are enabled, and the others, by name."""
    enabled: dict[str, VerbEntry] = {}
    disabled: dict[str, VerbEntry] = {}
    for verb in models.Verb.objects.prefetch_related("signatures__parameters", "tags"):
        (enabled if verb.enabled else disabled)[verb.name] = _entry_from_model(verb)
    return enabled, disabled


def _entry_from_model(model: models.Verb) -> VerbEntry:
    return VerbEntry(
        id=model.pk,
        name=model.name,
        description=model.description,
        mode=model.mode,
        kind=model.kind,
        argv=tuple(model.argv),
        environment=MappingProxyType(dict(model.environment)),
        changes_mail=model.changes_mail,
        send_stderr=model.send_stderr,
        time_limit=model.time_limit,
        idle_limit=model.idle_limit,
        output_limit=model.output_limit,
        input_limit=model.input_limit,
        signatures=tuple(row.matcher() for row in model.signatures.all()),
        takes_input=model.takes_input,
        address=model.address,
        preamble=model.preamble,
        connect_limit=model.connect_limit,
        plugin=model.plugin,
        tags=frozenset(tag.name for tag in model.tags.all()),
        transcript=model.transcript,
        redactions=tuple(model.redactions),
    )


def _load_rules() -> policy.RuleSet:
    rows = models.Rule.objects.filter(enabled=True).select_related("user", "group", "verb", "tag")
    locks = models.Lock.objects.select_related("user", "verb")
    return policy.RuleSet((*map(rule_from_model, rows), *map(rule_from_lock, locks)))


def rule_from_model(row: models.Rule) -> policy.Rule:
    """The rule as the decision reads it; `user`, `group`, `verb` and `tag` have been selected with it."""
    return policy.Rule(
        id=row.pk,
        effect=policy.Effect(row.effect),
        text=str(row),
        user_id=row.user_id,
        group_id=row.group_id,
        domain=row.domain.lower() or None,
        everyone=row.everyone,
        verb=row.verb.name if row.verb else None,
        tag=row.tag.name if row.tag else None,
        conditions=_conditions(row),
        limits=policy.Limits(row.at_once, row.per_minute, row.per_day, policy.Counted(row.counted)),
        subject_text=row.subject_text,
    )


def _conditions(row: models.Rule) -> Conditions:
    hours = None if row.hours_from is None or row.hours_until is None else (row.hours_from, row.hours_until)
    conditions = Conditions(
        arguments=tuple(sorted(row.arguments.items())),
        networks=tuple(ip_network(each, strict=False) for each in row.networks.split()),
        tls={"": None, "yes": True, "no": False}[row.tls],
        mailbox=row.mailbox,
        weekdays=frozenset(DAYS.index(day) for day in row.weekdays.split()),
        hours=hours,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
    return ANY if conditions == ANY else conditions


def rule_from_lock(row: models.Lock) -> policy.Rule:
    """A lock is a rule that beats all others; `user` and `verb` have been selected with it."""
    networks = (ip_network(row.network, strict=False),) if row.network else ()
    conditions = Conditions(networks=networks, valid_until=row.until)
    return policy.Rule(
        id=row.pk,
        effect=policy.Effect.LOCK,
        text=str(row),
        user_id=row.user_id,
        everyone=row.user_id is None,
        verb=row.verb.name if row.verb else None,
        conditions=ANY if conditions == ANY else conditions,
        subject_text=f"user {row.user}" if row.user_id else "everyone",
    )
