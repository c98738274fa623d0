"""The map: which verb runs which executable, with which arguments."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from commands.signature import Parameter as ParameterMatcher
from commands.signature import ParameterType
from commands.validators import validate_action_verb_name, validate_argv, validate_environment, validate_verb_name


class Verb(models.Model):
    class Mode(models.TextChoices):
        ONE_SHOT = "one-shot", "one-shot: takes its arguments, gives output, ends"
        INTERACTIVE = "interactive", "interactive: a dialogue of lines"

    class Kind(models.TextChoices):
        PROGRAM = "program", "program"

    name = models.CharField(
        max_length=64,
        unique=True,
        validators=[validate_verb_name],
        help_text="What clients write after EXECUTE: lower-case letters, digits, '.', '_' and '-'.",
    )
    description = models.CharField(max_length=200, blank=True, help_text="One line for people: what it does.")
    enabled = models.BooleanField(default=True, help_text="Off: the verb looks as if it were not there.")
    mode = models.CharField(max_length=16, choices=Mode, default=Mode.ONE_SHOT)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PROGRAM)
    argv = models.JSONField(
        "argument vector",
        validators=[validate_argv],
        help_text=(
            "A JSON list. The first element is the absolute path of the program. An element that is just "
            '"{name}" is replaced by the argument of that name, "{*}" by all arguments in the order in which '
            "they were given; every other element stands as it is. No shell ever sees it."
        ),
    )
    environment = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_environment],
        help_text="A JSON object: variables that the program gets beside IMAPX_*, HOME, PATH and LANG.",
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
        validators=[MinValueValidator(1), MaxValueValidator(86400)],
        help_text="Seconds that one execution may take in all.",
    )
    idle_limit = models.PositiveIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(86400)],
        help_text="Seconds in which no byte goes in or out.",
    )
    output_limit = models.PositiveBigIntegerField(
        default=1024 * 1024, help_text="Bytes of output; past it the execution is ended."
    )
    input_limit = models.PositiveBigIntegerField(
        default=16 * 1024 * 1024, help_text="Bytes of input to a dialogue; past it the execution is ended."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Signature(models.Model):
    """One way to call a verb. A verb with none takes no arguments."""

    verb = models.ForeignKey(Verb, on_delete=models.CASCADE, related_name="signatures")
    position = models.PositiveSmallIntegerField(default=0, help_text="Signatures are tried in this order.")

    class Meta:
        ordering = ["verb", "position", "pk"]

    def __str__(self) -> str:
        return " ".join(parameter.usage for parameter in self.parameters.all()) or "(no arguments)"


class Parameter(models.Model):
    class Type(models.TextChoices):
        WORD = "word", "word: exactly the given word"
        CHOICE = "choice", "choice: one of the given words"
        EMAIL = "email", "e-mail address"
        INTEGER = "integer", "integer, with optional bounds"
        PATTERN = "pattern", "pattern: a regular expression that matches all of it"
        TEXT = "text", "text: any line of UTF-8"

    signature = models.ForeignKey(Signature, on_delete=models.CASCADE, related_name="parameters")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.SlugField(max_length=64, help_text="What '{name}' in the argument vector stands for.")
    type = models.CharField(max_length=16, choices=Type, default=Type.TEXT)
    detail = models.CharField(
        max_length=1000,
        blank=True,
        help_text="word: the word. choice: the words, a space between. integer: 'min max'. pattern: the expression.",
    )
    optional = models.BooleanField(default=False, help_text="May be left out, with all that follow it.")
    max_length = models.PositiveIntegerField(default=1024, help_text="Bytes.")
    allow_leading_dash = models.BooleanField(
        default=False, help_text="Off: '-x' is refused, since the program would take it for an option."
    )

    class Meta:
        ordering = ["signature", "position", "pk"]

    def __str__(self) -> str:
        return self.usage

    @property
    def usage(self) -> str:
        """As usage lines show it: `add`, `(on|off)`, `ADDRESS`, `[SUBJECT]`."""
        return self.matcher().usage

    def matcher(self) -> ParameterMatcher:
        """What matches arguments by this row; the database is not asked again."""
        return ParameterMatcher(
            name=self.name,
            type=ParameterType(self.type),
            detail=self.detail,
            optional=self.optional,
            max_length=self.max_length,
            allow_leading_dash=self.allow_leading_dash,
        )


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
