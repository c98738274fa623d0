from django.db import models


class MapRevision(models.Model):
    """The revision of map, rules, users and group memberships: one row, counted up by database triggers.

    Triggers (commands/triggers.py), not signals: an UPDATE by hand or by `queryset.update()` must count too.
    """

    number = models.PositiveBigIntegerField(default=1)

    class Meta:
        verbose_name = "map revision"

    def __str__(self) -> str:
        return str(self.number)
