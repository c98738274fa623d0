"""How the servers are: rows that each writes of itself, and none of them evidence."""

from django.db import models


class Server(models.Model):
    """A process that serves mail users, as it has found itself last. It deletes its row when it ends."""

    node = models.CharField(max_length=200, primary_key=True, help_text="Host name and process id of the server.")
    since = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Refreshed every few seconds while it lives.")
    engine = models.CharField(max_length=200, help_text="Where the mail is kept.")
    engine_fault = models.CharField(max_length=400, blank=True, help_text="Empty: the engine has answered.")
    audit_waiting = models.PositiveIntegerField(default=0, help_text="Units that waited for the audit writer.")
    audit_lag = models.FloatField(default=0, help_text="Seconds that the oldest of them had waited.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.node} with {self.engine}: {self.engine_fault or 'well'}"


class Verification(models.Model):
    """That the whole record was verified, and how it came out: a reminder. What counts is what verifyaudit said."""

    at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    events = models.PositiveBigIntegerField()
    faults = models.PositiveIntegerField()
    anchored_until = models.DateTimeField(null=True, blank=True, help_text="Time of the newest anchor it had.")

    class Meta:
        default_permissions = ()
        ordering = ["-at"]
        indexes = [models.Index(fields=["at"], name="verification_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}: {self.faults} faults in {self.events} events"
