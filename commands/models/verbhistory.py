from django.db import models


class VerbHistory(models.Model):
    """What a historical verb has beside its own fields: its signatures, since they make no sense without each other."""

    signatures = models.JSONField(default=list, help_text="Each with its parameters, as the map's file has them.")

    class Meta:
        abstract = True
