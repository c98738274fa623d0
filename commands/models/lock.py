"""Take a right away now, whatever the rules say."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

from commands.models.verb import Verb
from commands.rulebook.rule_check import check_lock


class Lock(models.Model):
    """While it stands nothing that it covers starts, and what runs of it is ended. Deleting it lifts it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    verb = models.ForeignKey(Verb, models.CASCADE, null=True, blank=True, related_name="+")
    network = models.CharField(max_length=64, blank=True, help_text="Client addresses: 192.0.2.0/24 or one of them.")
    everything = models.BooleanField(default=False, help_text="Every execution of everybody.")
    reason = models.CharField(max_length=200, help_text="Why: whoever reads the record sees it.")
    until = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is lifted.")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    made_by = models.CharField(max_length=150, blank=True, editable=False)

    history = HistoricalRecords()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="lock_names_one_thing",
                condition=models.Q(user__isnull=False, verb__isnull=True, network="", everything=False)
                | models.Q(user__isnull=True, verb__isnull=False, network="", everything=False)
                | (models.Q(user__isnull=True, verb__isnull=True, everything=False) & ~models.Q(network=""))
                | models.Q(user__isnull=True, verb__isnull=True, network="", everything=True),
                violation_error_message="Name one of: a user, a verb, a network, everything.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.covers} ({self.reason})"

    def clean(self) -> None:
        check_lock(self)

    @property
    def covers(self) -> str:
        """`user ann`, `verb passwd`, `network 192.0.2.0/24`, `everything`."""
        if self.everything:
            return "everything"
        if self.network:
            return f"network {self.network}"
        return f"user {self.user}" if self.user_id else f"verb {self.verb}"
