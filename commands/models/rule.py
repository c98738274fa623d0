"""Who may run what. A deny beats every allow, no rule means deny, and every limit that matches holds."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from simple_history.models import HistoricalRecords

from commands.models.tag import Tag
from commands.models.verb import Verb
from commands.rulebook import rule_words
from commands.rulebook.rule_check import check_rule

AT_LEAST_ONE = [MinValueValidator(1)]
MAX_TEXT = 400
"""Characters of a rule in words: what the record has room for."""


class Rule(models.Model):
    class Effect(models.TextChoices):
        ALLOW = "allow", "allow"
        DENY = "deny", "deny"
        LIMIT = "limit", "limit: what is allowed, so often and no more"

    class Tls(models.TextChoices):
        ANY = "", "with TLS or without"
        WITH = "yes", "with TLS alone"
        WITHOUT = "no", "without TLS alone"

    class Counted(models.TextChoices):
        USER = "user", "of each user, these verbs together"
        USER_VERB = "user-verb", "of each user, each verb by itself"
        VERB = "verb", "of each verb, these users together"

    effect = models.CharField(max_length=8, choices=Effect, default=Effect.ALLOW)
    reason = models.CharField(max_length=200, help_text="Why this rule is here: whoever reads the record sees it.")
    enabled = models.BooleanField(default=True)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    domain = models.CharField(
        "mail domain", max_length=253, blank=True, help_text="Users whose name ends in '@' and this: example.org."
    )
    everyone = models.BooleanField(default=False, help_text="Every user who can log in.")

    verb = models.ForeignKey(Verb, models.CASCADE, null=True, blank=True, related_name="rules")
    tag = models.ForeignKey(Tag, models.CASCADE, null=True, blank=True, related_name="rules")
    all_verbs = models.BooleanField(default=False, help_text="Every verb of the map, later ones too.")

    arguments = models.JSONField(
        default=dict,
        blank=True,
        help_text=(
            "A JSON object: names of parameters, and for each a regular expression (RE2) that matches all of the "
            'argument: {"address": ".*@example\\\\.org"}. The rule is for calls that have all of them.'
        ),
    )
    networks = models.CharField(
        max_length=1000, blank=True, help_text="Client addresses, a space between: 10.0.0.0/8 2001:db8::/32."
    )
    tls = models.CharField("TLS", max_length=3, choices=Tls, default=Tls.ANY, blank=True)
    mailbox = models.CharField(
        max_length=400, blank=True, help_text="A regular expression (RE2) for all of the selected mailbox's name."
    )
    weekdays = models.CharField(max_length=27, blank=True, help_text="Some of: mon tue wed thu fri sat sun.")
    hours_from = models.TimeField("from", null=True, blank=True, help_text="In the server's time zone.")
    hours_until = models.TimeField(
        "until", null=True, blank=True, help_text="No longer in it. Earlier than the first: past midnight."
    )
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)

    at_once = models.PositiveIntegerField(null=True, blank=True, validators=AT_LEAST_ONE)
    per_minute = models.PositiveIntegerField(null=True, blank=True, validators=AT_LEAST_ONE)
    per_day = models.PositiveIntegerField(
        null=True, blank=True, validators=AT_LEAST_ONE, help_text="Within any 24 hours."
    )
    counted = models.CharField(max_length=16, choices=Counted, default=Counted.USER, help_text="What is counted.")

    history = HistoricalRecords()

    class Meta:
        ordering = ["pk"]
        constraints = [
            # What the models would not have let through must not make a deny weaker than it reads.
            models.CheckConstraint(name="rule_domain_in_lower_case", condition=models.Q(domain=Lower("domain"))),
            models.CheckConstraint(
                name="rule_has_both_hours",
                condition=models.Q(hours_from__isnull=True, hours_until__isnull=True)
                | models.Q(hours_from__isnull=False, hours_until__isnull=False),
                violation_error_message="Give both hours, or none.",
            ),
            models.CheckConstraint(
                name="rule_names_one_subject",
                condition=models.Q(user__isnull=False, group__isnull=True, domain="", everyone=False)
                | models.Q(user__isnull=True, group__isnull=False, domain="", everyone=False)
                | (models.Q(user__isnull=True, group__isnull=True, everyone=False) & ~models.Q(domain=""))
                | models.Q(user__isnull=True, group__isnull=True, domain="", everyone=True),
                violation_error_message="Name one of: a user, a group, a mail domain, everyone.",
            ),
            models.CheckConstraint(
                name="rule_names_one_verb_or_all",
                condition=models.Q(verb__isnull=False, tag__isnull=True, all_verbs=False)
                | models.Q(verb__isnull=True, tag__isnull=False, all_verbs=False)
                | models.Q(verb__isnull=True, tag__isnull=True, all_verbs=True),
                violation_error_message="Name one of: a verb, a tag, all verbs.",
            ),
        ]
        # Rules are read by whom they are for: a user, some groups, a domain, everyone.
        indexes = [
            models.Index(fields=["domain"], name="rule_domain"),
            models.Index(fields=["everyone"], name="rule_everyone", condition=models.Q(everyone=True)),
        ]

    def __str__(self) -> str:
        verbs = "all verbs" if self.all_verbs else f"verbs tagged {self.tag}" if self.tag_id else str(self.verb)
        text = f"{self.effect} {self.subject_text}: {verbs}"
        if details := ", ".join(rule_words.details(self)):
            text += f" ({details})"
        return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"

    def clean(self) -> None:
        check_rule(self)

    @property
    def subject_text(self) -> str:
        """`user ann`, `group staff`, `domain example.org`, `everyone`."""
        if self.everyone:
            return "everyone"
        if self.domain:
            return f"domain {self.domain}"
        return f"group {self.group}" if self.group_id else f"user {self.user}"
