import uuid

from django.db import models
from django.utils import timezone


class Chain(models.Model):
    """One writer's run of audit events, each sealed together with the one before it.

    A writer is one process from start to end. `seen_at` tells others that it lives: when it does not, what it ran is
    lost.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    node = models.CharField(max_length=200, help_text="Host name and process id of the server.")
    key_id = models.CharField(max_length=64, help_text="Which sealing key it began with.")
    epoch = models.PositiveIntegerField(default=0, help_text="Of the key that it began with.")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    first_sequence = models.PositiveBigIntegerField(default=1, help_text="Retention has let go of those before it.")
    first_mac = models.BinaryField(default=b"", help_text="Of the event before the first: where verifying starts.")

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.node} since {self.started_at:%Y-%m-%d %H:%M:%S}"
