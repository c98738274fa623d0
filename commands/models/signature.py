"""The map: which arguments a verb takes."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from commands.arguments.signature import Parameter as ParameterMatcher
from commands.arguments.signature import ParameterType
from commands.arguments.signature import Signature as SignatureMatcher
from commands.models.verb import Verb


class Signature(models.Model):
    """One way to call a verb. A verb with none takes no arguments."""

    verb = models.ForeignKey(Verb, on_delete=models.CASCADE, related_name="signatures")
    position = models.PositiveSmallIntegerField(default=0, help_text="Signatures are tried in this order.")

    class Meta:
        ordering = ["verb", "position", "pk"]

    def __str__(self) -> str:
        return self.matcher().usage or "(no arguments)"

    def matcher(self) -> SignatureMatcher:
        """What matches arguments by this row."""
        return SignatureMatcher(tuple(each.matcher() for each in self.parameters.all()))


class Parameter(models.Model):
    class Type(models.TextChoices):
        WORD = "word", "word: exactly the given word"
        CHOICE = "choice", "choice: one of the given words"
        EMAIL = "email", "e-mail address"
        INTEGER = "integer", "integer, with optional bounds"
        PATTERN = "pattern", "pattern: a regular expression that matches all of it"
        TEXT = "text", "text: any line of UTF-8"
        DATE = "date", "date: YYYY-MM-DD, today or tomorrow"
        MAILBOX = "mailbox", "mailbox: a name, in modified UTF-7 or UTF-8"
        UIDS = "uids", "messages of the selected mailbox, by UID: 1:4,7"
        FILE = "file", "file content: any bytes but NUL"
        SECRET = "secret", "secret: a line that is never shown, such as a password"

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
    repeat = models.BooleanField(default=False, help_text="May be given more than once: the last one only.")
    max_count = models.PositiveSmallIntegerField(
        default=16, validators=[MinValueValidator(1), MaxValueValidator(16)], help_text="Of a repeated one."
    )
    max_length = models.PositiveIntegerField(default=1024, help_text="Bytes.")
    characters = models.CharField(
        max_length=200,
        blank=True,
        help_text="The only characters that it may hold, as in the brackets of a regular expression: A-Za-z0-9 .",
    )
    allow_leading_dash = models.BooleanField(
        default=False, help_text="Off: '-x' is refused, since the program would take it for an option."
    )

    class Meta:
        ordering = ["signature", "position", "pk"]

    def __str__(self) -> str:
        return self.usage

    def clean(self) -> None:
        if self.type not in self.Type.values or self.max_length is None:
            return  # said of the field already
        matcher = self.matcher()
        if matcher.characters_fault:
            raise ValidationError({"characters": matcher.characters_fault})
        if matcher.fault:
            raise ValidationError({"repeat" if self.repeat and not self.detail else "detail": matcher.fault})

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
            repeat=self.repeat,
            max_length=self.max_length,
            allow_leading_dash=self.allow_leading_dash,
            max_count=self.max_count,
            characters=self.characters,
        )
