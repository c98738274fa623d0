import uuid

from django.db import models


class Execution(models.Model):
    """The summary of one run of a verb, for lists. The evidence is in the audit events that name its id."""


    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.BigIntegerField(db_index=True)
    username = models.CharField("user", max_length=150)
    verb = models.CharField(max_length=64, db_index=True)
    arguments_text = models.TextField("arguments", blank=True)
    door = models.CharField(max_length=16, help_text="By which way it came: imap, or another one.")
    remote_addr = models.GenericIPAddressField("address", null=True, blank=True)
    tls = models.BooleanField("TLS", default=False)
    started = models.DateTimeField(db_index=True)
    ended = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, blank=True, db_index=True, help_text="Empty while it runs.")
    exit_code = models.SmallIntegerField(null=True, blank=True, help_text="Exit status, or number of the signal.")
    bytes_in = models.BigIntegerField(default=0)
    bytes_out = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-started"]

    def __str__(self) -> str:
        return f"{self.username}: {self.verb} {self.arguments_text}".rstrip()
