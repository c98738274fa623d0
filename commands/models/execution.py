import uuid

from django.db import models

COMMON_ENDS = ("exit",)  # of nearly all executions: their index by outcome leaves it out


class Execution(models.Model):
    """The summary of one run of a verb, for lists. The evidence is in the audit events that name its id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.BigIntegerField()
    username = models.CharField("user", max_length=150)
    verb = models.CharField(max_length=64)
    arguments_text = models.TextField("arguments", blank=True)
    door = models.CharField(max_length=16, help_text="By which way it came: imap, or another one.")
    remote_addr = models.GenericIPAddressField("address", null=True, blank=True)
    tls = models.BooleanField("TLS", default=False)
    client_id = models.CharField("client", max_length=400, blank=True, help_text="What the client called itself (ID).")
    chain_id = models.UUIDField(null=True, blank=True, help_text="The writer of the process that runs it.")
    node = models.CharField(max_length=200, blank=True, help_text="Host name and process id of the server.")
    transcript = models.CharField(max_length=8, default="none", help_text="What is recorded of its input and output.")
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, blank=True, help_text="Empty while it runs.")
    exit_code = models.SmallIntegerField(null=True, blank=True, help_text="Exit status, or number of the signal.")
    bytes_in = models.BigIntegerField(default=0)
    bytes_out = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-started"]
        permissions = [
            ("watch_execution", "Can watch executions while they run"),
            ("end_execution", "Can end executions"),
        ]
        # What the admin filters by, each with the order in which it lists. Each one more is paid for twice by every
        # EXECUTE: what changes an indexed column when it ends makes PostgreSQL write all of them anew.
        indexes = [
            models.Index(fields=["started"], name="execution_started"),
            models.Index(
                fields=["username", "started"],
                name="execution_username",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],  # for the start of a name, in any locale
            ),
            models.Index(fields=["verb", "started"], name="execution_verb"),
            models.Index(fields=["started"], name="execution_running", condition=models.Q(outcome="")),
            models.Index(
                fields=["outcome", "started"],
                name="execution_outcome",
                condition=~models.Q(outcome__in=("", *COMMON_ENDS)),
            ),
            models.Index(fields=["user_id", "started"], name="execution_user"),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.verb} {self.arguments_text}".rstrip()
