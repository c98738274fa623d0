"""What is going on now, in all processes: rows that come and go, none of them evidence."""

import uuid

from django.db import models


class Connection(models.Model):
    """A client that has logged in and is still there. Its process deletes it when the client is gone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.BigIntegerField()
    username = models.CharField("user", max_length=150)
    remote_addr = models.GenericIPAddressField("address", null=True, blank=True)
    tls = models.BooleanField("TLS", default=False)
    client_id = models.CharField("client", max_length=400, blank=True, help_text="What the client called itself (ID).")
    door = models.CharField(max_length=16, help_text="By which way it came: imap, or another one.")
    since = models.DateTimeField()
    chain_id = models.UUIDField(help_text="The writer of the process that serves it: tells whether that still lives.")
    node = models.CharField(max_length=200, help_text="Host name and process id of the server.")

    class Meta:
        ordering = ["-since"]
        default_permissions = ("view",)
        permissions = [
            ("end_connection", "Can end connections"),
            ("display_connection", "Can leave pages open on a display, where there is no right but to look"),
        ]
        indexes = [models.Index(fields=["user_id"], name="connection_user")]

    def __str__(self) -> str:
        return f"{self.username} from {self.remote_addr or 'here'}"


class EndRequest(models.Model):
    """Somebody wants an execution or a connection to end. The process that has it looks for it, and deletes it."""

    target = models.UUIDField(primary_key=True, help_text="Id of the execution or the connection.")
    reason = models.CharField(max_length=200)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"end {self.target}: {self.reason}"


class Watcher(models.Model):
    """A page that shows an execution as it goes. The process that runs it looks for it, and sends to its channel."""

    channel = models.CharField(primary_key=True, max_length=100, help_text="Of the channel layer.")
    execution_id = models.UUIDField(db_index=True)
    seen_at = models.DateTimeField(help_text="One that was not refreshed for a while is gone.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.channel} watches {self.execution_id}"
