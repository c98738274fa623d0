"""Filters of the record's lists. None asks the record which values there are: that would be to read all of it."""

import datetime
from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter
from unfold.utils import parse_date_str

from commands.admin.text import RUNNING
from commands.models import Verb
from commands.outcome import Outcome

ENDS = (
    Outcome.EXIT,
    Outcome.SIGNAL,
    Outcome.CANCELED,
    Outcome.TIMEOUT,
    Outcome.LIMIT,
    Outcome.CANNOT,
    Outcome.CLIENT_GONE,
    Outcome.ENGINE_LOST,
    Outcome.SHUTDOWN,
    Outcome.UNAVAILABLE,
    Outcome.ERROR,
)


class ActorFilter(TextFilter):
    """By the whole name, typed in: a list of all mail users is no list to choose from."""

    title = "user"
    parameter_name = "user"
    field = "actor"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = (self.value() or "").strip()
        return queryset.filter(**{self.field: value}) if value else queryset


class UsernameFilter(ActorFilter):
    field = "username"


class VerbFilter(DropdownFilter):
    """By a verb of the map; one that is not in it is found by the search."""

    title = "verb"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return [(name, name) for name in Verb.objects.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(verb=self.value()) if self.value() else queryset


class OutcomeFilter(DropdownFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return [(outcome.value, outcome.value) for outcome in Outcome]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(outcome=self.value()) if self.value() else queryset


class EndFilter(OutcomeFilter):
    """By how an execution ended, or that it has not."""

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return [(RUNNING, RUNNING), *((outcome.value, outcome.value) for outcome in ENDS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == RUNNING:
            return queryset.filter(outcome="")
        return super().queryset(request, queryset)


class DayRangeFilter(RangeDateFilter):
    """From the start of one day to the end of another, in the site's time zone.

    The stock one compares a time with a bare date, and so leaves the last day out.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_from", ""))
        last = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_to", ""))
        if first:
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": _midnight(first)})
        if last and last < datetime.date.max:
            after = _midnight(last + datetime.timedelta(days=1))
            queryset = queryset.filter(**{f"{self.parameter_name}__lt": after})
        return queryset


def _midnight(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))
