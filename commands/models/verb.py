"""The map: which verb runs which executable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from commands import kinds
from commands.kinds import KINDS
from commands.models.tag import Tag
from commands.models.verbhistory import VerbHistory, VerbRecords
from commands.rulebook.rule_check import lost_arguments
from commands.validators import (
    validate_action_verb_name,
    validate_address,
    validate_argv,
    validate_environment,
    validate_plugin,
    validate_redactions,
    validate_signatures,
    validate_verb_name,
)

SECONDS = [MinValueValidator(1), MaxValueValidator(86400)]


class Verb(models.Model):
    class Mode(models.TextChoices):
        ONE_SHOT = "one-shot", "one-shot: takes its arguments, gives output, ends"
        INTERACTIVE = "interactive", "interactive: a dialogue of lines"

    class Transcript(models.TextChoices):
        NONE = "none", "none"
        METADATA = "metadata", "metadata: when how much went in and out, not what"
        FULL = "full", "full: every byte of input and output"

    class Preamble(models.TextChoices):
        NONE = "none", "none: the service is not told who it is"
        PROXY_V1 = "proxy-v1", "PROXY protocol, version 1: the client's address"
        PROXY_V2 = "proxy-v2", "PROXY protocol, version 2: the client's address and the user's name"
        XCLIENT = "xclient", "XCLIENT (SMTP): the client's address and the user's name"

    name = models.CharField(
        max_length=64,
        unique=True,
        validators=[validate_verb_name],
        help_text="What clients write after EXECUTE: lower-case letters, digits, '.', '_' and '-'.",
    )
    description = models.CharField(max_length=200, blank=True, help_text="One line for people: what it does.")
    enabled = models.BooleanField(default=True, help_text="Off: the verb looks as if it were not there.")
    tags = models.ManyToManyField(Tag, blank=True, related_name="verbs", help_text="Rules may speak of a tag's verbs.")
    mode = models.CharField(max_length=16, choices=Mode, default=Mode.ONE_SHOT)
    kind = models.CharField(max_length=16, choices=kinds.choices, default="program")
    argv = models.JSONField(
        "argument vector",
        default=list,
        blank=True,
        validators=[validate_argv],
        help_text=(
            "A JSON list. The first element is the absolute path of the program. An element that is just "
            '"{name}" is replaced by the argument of that name, "{*}" by all arguments in the order in which '
            "they were given; every other element stands as it is. No shell ever sees it. Secret arguments can't "
            "stand here: the program reads them, a line each, before its other input."
        ),
    )
    environment = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_environment],
        help_text="A JSON object: variables that the program gets beside IMAPX_*, HOME, PATH and LANG.",
    )
    address = models.CharField(
        max_length=300,
        blank=True,
        validators=[validate_address],
        help_text="tcp://HOST:PORT, tls://HOST:PORT (its certificate is checked) or unix:/absolute/path.",
    )
    preamble = models.CharField(
        max_length=16,
        choices=Preamble,
        default=Preamble.NONE,
        help_text="What the service is sent first. It must take that from this server alone: it believes it.",
    )
    connect_limit = models.PositiveIntegerField(
        default=5,
        validators=SECONDS,
        help_text="Seconds until the connection stands: TLS and preamble too.",
    )
    plugin = models.CharField(
        max_length=64, blank=True, validators=[validate_plugin], help_text="Its name, as it was installed under."
    )
    takes_input = models.BooleanField(
        "last argument is input",
        default=False,
        help_text="On: the last argument is no argument but a message, which is read as standard input.",
    )
    changes_mail = models.BooleanField(
        "may change mail",
        default=False,
        help_text="On: the mail engine is asked for news before the execution's tagged end.",
    )
    send_stderr = models.BooleanField(
        "send standard error",
        default=False,
        help_text="On: the client gets standard error too. Off: only the server's log has it.",
    )
    time_limit = models.PositiveIntegerField(
        default=30,
        validators=SECONDS,
        help_text="Seconds that one execution may take in all.",
    )
    idle_limit = models.PositiveIntegerField(
        default=30,
        validators=SECONDS,
        help_text="Seconds in which no byte goes in or out.",
    )
    output_limit = models.PositiveBigIntegerField(
        default=1024 * 1024, help_text="Bytes of output; past it the execution is ended."
    )
    input_limit = models.PositiveBigIntegerField(
        default=16 * 1024 * 1024, help_text="Bytes of input to a dialogue; past it the execution is ended."
    )
    transcript = models.CharField(
        max_length=8,
        choices=Transcript,
        default=Transcript.NONE,
        help_text="What is recorded of its input and output. Where it can't be recorded, the execution is ended.",
    )
    redactions = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_redactions],
        help_text=(
            "A JSON list of regular expressions (RE2): what they match in a line of input or output is replaced by "
            "[redacted] before it is recorded."
        ),
    )

    history = VerbRecords(m2m_fields=[tags], bases=[VerbHistory])
    history_records: ClassVar[VerbRecords]

    class Meta:
        ordering = ["name"]
        permissions = [
            ("try_verb", "Can run verbs as another user"),
            ("shell_verb", "Can let a verb run a shell or an interpreter"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what the kind lacks, and what is another kind's. Of signatures: see `clean_signatures`."""
        if self.kind not in KINDS:
            return
        errors = {name: f"A {self.kind} has none." for name in kinds.foreign_fields(self.kind) if self._is_set(name)}
        needed = KINDS[self.kind].needs
        if not getattr(self, needed):
            errors[needed] = f"A {self.kind} needs this."
        if errors:
            raise ValidationError(errors)

    def _is_set(self, name: str) -> bool:
        return bool(getattr(self, name) != getattr(Verb(), name))

    @contextmanager
    def without_history(self) -> Iterator[None]:
        """Around all that is saved of a verb, its tags and signatures; then `add_version`, in the same transaction.

        Without the two each save, and each change of tags, makes a row of the history, and a change of signatures none.
        """
        self.skip_history_when_saving = True
        try:
            yield
        finally:
            del self.skip_history_when_saving

    def add_version(self, *, is_new: bool, reason: str = "") -> None:
        """Put the verb as it is now, with tags and signatures, into its history. `reason`: 100 characters."""
        if not getattr(settings, "SIMPLE_HISTORY_ENABLED", True):
            return
        self._change_reason = reason
        self.history_records.create_historical_record(self, "+" if is_new else "~")

    def clean_signatures(self) -> None:
        """Refuse signatures that don't go with each other, with what runs, or with rules that speak of parameters.

        To be called when all rows are saved.
        """
        matchers = [row.matcher() for row in self.signatures.prefetch_related("parameters")]
        validate_signatures(self.kind, self.argv, matchers)
        if faults := lost_arguments(self, matchers):
            raise ValidationError(faults, code="lost_arguments")


class ActionVerb(models.Model):
    """A word that stands before a verb: `ADD blacklist x` is `EXECUTE blacklist add x`."""

    name = models.CharField(
        max_length=32,
        unique=True,
        validators=[validate_action_verb_name],
        help_text="A word that is no IMAP command.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
