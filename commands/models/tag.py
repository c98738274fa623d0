from django.db import models

from commands.validators import validate_verb_name


class Tag(models.Model):
    """A name for verbs that belong together, so that a rule can speak of all of them."""

    name = models.CharField(
        max_length=64,
        unique=True,
        validators=[validate_verb_name],
        help_text="Lower-case letters, digits, '.', '_' and '-'.",
    )
    description = models.CharField(max_length=200, blank=True, help_text="What its verbs have in common.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
