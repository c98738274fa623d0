"""Who may run what. A deny beats every allow, and no rule means deny."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from commands.models.verb import Verb


class Rule(models.Model):
    class Effect(models.TextChoices):
        ALLOW = "allow", "allow"
        DENY = "deny", "deny"

    effect = models.CharField(max_length=8, choices=Effect, default=Effect.ALLOW)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    everyone = models.BooleanField(default=False, help_text="Every user who can log in.")
    verb = models.ForeignKey(Verb, models.CASCADE, null=True, blank=True, related_name="rules")
    all_verbs = models.BooleanField(default=False, help_text="Every verb of the map, later ones too.")
    enabled = models.BooleanField(default=True)
    comment = models.CharField(max_length=200, blank=True, help_text="Why this rule is here.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="rule_names_one_subject",
                condition=models.Q(user__isnull=False, group__isnull=True, everyone=False)
                | models.Q(user__isnull=True, group__isnull=False, everyone=False)
                | models.Q(user__isnull=True, group__isnull=True, everyone=True),
                violation_error_message="Name one of: a user, a group, everyone.",
            ),
            models.CheckConstraint(
                name="rule_names_one_verb_or_all",
                condition=models.Q(verb__isnull=False, all_verbs=False) | models.Q(verb__isnull=True, all_verbs=True),
                violation_error_message="Name one of: a verb, all verbs.",
            ),
        ]

    def __str__(self) -> str:
        subject = "everyone" if self.everyone else f"group {self.group}" if self.group_id else f"user {self.user}"
        return f"{self.effect} {subject}: {'all verbs' if self.all_verbs else self.verb}"
