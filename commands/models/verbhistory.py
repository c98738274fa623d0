"""The history of verbs: a row for each change, complete with tags and signatures, which are tables of their own."""

from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record

from commands.mapfile.parameters import plain_signatures


class VerbHistory(models.Model):
    """What a historical verb has beside its own fields: its signatures, since they make no sense without each other."""

    signatures = models.JSONField(default=list, help_text="Each with its parameters, as the map's file has them.")

    class Meta:
        abstract = True


class VerbRecords(HistoricalRecords):
    """Knows what hangs on a verb, also of one that is deleted: that is gone before the verb is."""

    def add_extra_methods(self, cls: type[models.Model]) -> None:
        super().add_extra_methods(cls)
        cls.history_records = self  # type: ignore[attr-defined]

    def finalize(self, sender: type[models.Model], **kwargs: Any) -> None:
        super().finalize(sender, **kwargs)
        if sender is self.cls:
            model = getattr(sender, self.manager_name).model
            pre_create_historical_record.connect(_add_signatures, sender=model)

    def pre_delete(self, instance: Any, **kwargs: Any) -> None:
        super().pre_delete(instance, **kwargs)
        instance.last_signatures = _signatures(instance)
        instance.last_tags = list(instance.tags.through.objects.filter(verb=instance))

    def create_historical_record_m2ms(self, history_instance: Any, instance: Any) -> None:
        if history_instance.history_type != "-":
            super().create_historical_record_m2ms(history_instance, instance)
            return
        model = type(history_instance).tags.model
        model.objects.bulk_create(
            model(id=row.pk, verb_id=row.verb_id, tag_id=row.tag_id, history=history_instance)
            for row in instance.last_tags
        )


def _add_signatures(instance: Any, history_instance: Any, **kwargs: Any) -> None:
    is_deleted = history_instance.history_type == "-"
    history_instance.signatures = instance.last_signatures if is_deleted else _signatures(instance)


def _signatures(verb: Any) -> list[Any]:
    return plain_signatures(verb.signatures.prefetch_related("parameters"))
