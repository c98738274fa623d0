from typing import Any, NoReturn

from django.db import models
from django.utils.functional import cached_property

from commands.models.execution import Execution
from commands.models.rule import Rule

# The outcomes of nearly all events, which nobody looks for by outcome: their index leaves them out, so that it costs
# an EXECUTE that goes well nothing.
COMMON_OUTCOMES = ("accepted", "exit", "ok", "logout")
# The kinds that are few among many: each has an index that the others don't pay for.
RARE_KINDS = ("reject", "alert", "change", "view")


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete an audit event."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("audit events can't be changed")

    def delete(self) -> NoReturn:
        raise AppendOnlyError("audit events can't be deleted")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("audit events can't be changed")


class AuditEvent(models.Model):
    """One thing that happened. It stands alone: actor, verb and rule are kept as key and as text, no foreign key.

    Append-only: here in the API, and in the database by a trigger (commands/triggers.py).
    """

    class Kind(models.TextChoices):
        LOGIN = "login", "login"
        ACCEPT = "accept", "accept"
        REJECT = "reject", "reject"
        EXIT = "exit", "exit"
        ALERT = "alert", "alert"
        CHANGE = "change", "change"
        VIEW = "view", "view"

    at = models.DateTimeField("time")
    kind = models.CharField(max_length=8, choices=Kind)
    outcome = models.CharField(max_length=16, help_text="How it came out, in one word.")
    reason = models.CharField(max_length=400, blank=True, help_text="Why, in words.")
    actor_id = models.BigIntegerField(null=True, blank=True)
    # Four bytes each: PostgreSQL refuses to index, and so to insert, what is longer than some 2,700 bytes.
    actor = models.CharField("user", max_length=600, blank=True, help_text="The user's name, as it was given.")
    remote_addr = models.GenericIPAddressField("address", null=True, blank=True)
    tls = models.BooleanField("TLS", default=False)
    client_id = models.CharField("client", max_length=400, blank=True, help_text="What the client called itself (ID).")
    door = models.CharField(max_length=16, blank=True)
    execution_id = models.UUIDField(null=True, blank=True)
    verb = models.CharField(max_length=200, blank=True)
    revision = models.PositiveBigIntegerField(null=True, blank=True, help_text="The map's, when it was decided.")
    rule_id = models.BigIntegerField(null=True, blank=True)
    rule = models.CharField(max_length=400, blank=True, help_text="The rule that decided, in words.")
    arguments = models.BinaryField(blank=True, default=b"", help_text="Raw bytes, each argument a netstring.")
    arguments_text = models.TextField("arguments", blank=True, help_text="To read: controls are shown as \\x…")
    exit_code = models.SmallIntegerField(null=True, blank=True)
    bytes_in = models.BigIntegerField(null=True, blank=True)
    bytes_out = models.BigIntegerField(null=True, blank=True)
    duration = models.DurationField(null=True, blank=True)
    transcript_digest = models.BinaryField(null=True, blank=True, help_text="SHA-256 of the transcript's chunks.")
    node = models.CharField(max_length=200, help_text="Host name and process id of the server.")
    chain_id = models.UUIDField(null=True, blank=True, help_text="The writer's chain.")
    sequence = models.PositiveBigIntegerField(null=True, blank=True, help_text="Counts from 1 in each chain.")
    epoch = models.PositiveIntegerField(null=True, blank=True, help_text="Of the sealing key.")
    mac = models.BinaryField(null=True, blank=True, help_text="Seals this event and the one before it in its chain.")

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]  # by time first: on PostgreSQL a page is read from one month's partition
        # What the admin filters by, each with the order in which it lists. Each one more is paid for by every EXECUTE.
        # No db_index: on PostgreSQL that makes a second one of a text, for LIKE.
        indexes = [
            models.Index(fields=["at"], name="auditevent_at"),
            models.Index(
                fields=["actor", "at"],
                name="auditevent_actor",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],  # for the start of a name, in any locale
            ),
            models.Index(fields=["verb", "at"], name="auditevent_verb"),
            models.Index(fields=["remote_addr", "at"], name="auditevent_address"),
            models.Index(
                fields=["outcome", "at"], name="auditevent_outcome", condition=~models.Q(outcome__in=COMMON_OUTCOMES)
            ),
            models.Index(fields=["execution_id"], name="auditevent_execution"),
            # One each: SQLite uses none whose condition names several.
            models.Index(fields=["at"], name="auditevent_rejects", condition=models.Q(kind="reject")),
            models.Index(fields=["at"], name="auditevent_alerts", condition=models.Q(kind="alert")),
            models.Index(fields=["at"], name="auditevent_changes", condition=models.Q(kind="change")),
            models.Index(fields=["at"], name="auditevent_views", condition=models.Q(kind="view")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome}: {self.actor} {self.verb} {self.arguments_text}".rstrip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("audit events can't be changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("audit events can't be deleted")

    @cached_property
    def standing_rule(self) -> Rule | None:
        """The rule that decided, as it is today, if it is still there."""
        return Rule.objects.filter(pk=self.rule_id).first() if self.rule_id else None

    @cached_property
    def execution(self) -> Execution | None:
        return Execution.objects.filter(pk=self.execution_id).first() if self.execution_id else None
