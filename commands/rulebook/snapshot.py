"""The map and its users as the database has them now, read into what is decided on."""

from collections import defaultdict
from collections.abc import Collection
from types import MappingProxyType

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from commands import models, policy
from commands.rows import read_revision
from commands.verbmap import Snapshot, VerbEntry

TRIES = 2
"""Until changes are held back. Not at the first: a change that takes long holds back who holds back others, and while
it does nothing else changes, so that the second succeeds."""


def load_snapshot() -> Snapshot:
    """Read the map: a fixed number of queries, however large it is."""
    for _ in range(TRIES):
        snapshot = _read_snapshot()
        # Under READ COMMITTED each query sees its own state: verbs of one revision, signatures of the next.
        if read_revision() == snapshot.revision:
            return snapshot
    with transaction.atomic(savepoint=False):
        hold_revision()
        return _read_snapshot()


def hold_revision() -> None:
    """Until this transaction ends whoever would change the map, or a user, waits.

    Changes may come faster than the map can be read: who only tried again would never have read it. On SQLite nobody
    changes anything beside a transaction as it is.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT 1 FROM "{models.MapRevision._meta.db_table}" WHERE id = 1 FOR SHARE')  # noqa: S608


def _read_snapshot() -> Snapshot:
    revision = read_revision()
    verbs, disabled = _load_verbs()
    return Snapshot(
        revision=revision,
        verbs=MappingProxyType(verbs),
        disabled=MappingProxyType(disabled),
        action_verbs=frozenset(models.ActionVerb.objects.values_list("name", flat=True)),
    )


def load_subject(user_id: int) -> policy.Subject | None:
    """The user with its groups, in one query; None: there is no such user, or it is not active."""
    return load_subjects((user_id,)).get(user_id)


def load_subjects(user_ids: Collection[int]) -> dict[int, policy.Subject]:
    """Those of the users that are there and active, with their groups, by id: in one query."""
    names: dict[int, str] = {}
    groups: defaultdict[int, set[int]] = defaultdict(set)
    rows = (
        get_user_model()
        .objects.filter(pk__in=user_ids, is_active=True)
        .order_by()
        .values_list("pk", "username", "groups__pk")  # an outer join: a user without groups has one row, and None
    )
    for user_id, username, group_id in rows:
        names[user_id] = username
        if group_id is not None:
            groups[user_id].add(group_id)
    return {user_id: policy.Subject(user_id, name, frozenset(groups[user_id])) for user_id, name in names.items()}


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
