"""Filters of the record's lists. None asks the record which values there are: that would be to read all of it.

Each says with its condition how an index finds what it lets through; commands/admin/record.py reads it.
"""

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter, TextFilter
from unfold.utils import parse_date_str

from commands.admin.text import RUNNING
from commands.models import AuditEvent, Verb
from commands.models.audit import COMMON_OUTCOMES, RARE_KINDS
from commands.models.execution import COMMON_ENDS
from commands.outcome import Outcome


class Found(IntEnum):
    """How an index finds the rows; those that come first are the better way in."""

    IN_ORDER = 1  # newest first
    IN_RANGE = 2  # all of them, in another order
    BY_READING = 3  # only by reading others too


@dataclass(frozen=True)
class Condition:
    q: Q
    found: Found


class RecordFilter:
    """Of a kind of filter that unfold has, the part which says what it lets through."""

    def condition(self) -> Condition | None:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        condition = self.condition()
        return queryset if condition is None else queryset.filter(condition.q)


class ActorFilter(RecordFilter, TextFilter):
    """By name, typed in: a list of all mail users is no list to choose from."""

    title = "user (ann, or ann*)"
    parameter_name = "user"
    field = "actor"

    def condition(self) -> Condition | None:
        value = (self.value() or "").strip()
        if not value:
            return None
        if value.endswith("*"):
            return Condition(Q(**{f"{self.field}__startswith": value[:-1]}), Found.IN_RANGE)
        return Condition(Q(**{self.field: value}), Found.IN_ORDER)


class UsernameFilter(ActorFilter):
    field = "username"


class AddressFilter(RecordFilter, TextFilter):
    title = "address or network"
    parameter_name = "address"
    indexed = True

    def condition(self) -> Condition | None:
        value = (self.value() or "").strip()
        if not value:
            return None
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError as error:
            raise IncorrectLookupParameters(f"{value!r} is no address and no network such as 192.0.2.0/24.") from error
        if network.num_addresses == 1:
            return Condition(Q(remote_addr=str(network[0])), Found.IN_ORDER if self.indexed else Found.BY_READING)
        if connection.vendor != "postgresql":
            # Kept as text, which has no order of addresses.
            raise IncorrectLookupParameters("Networks are found on PostgreSQL alone; here, write one address.")
        within = Q(remote_addr__gte=str(network[0]), remote_addr__lte=str(network[-1]))
        return Condition(within, Found.IN_RANGE if self.indexed else Found.BY_READING)


class ExecutionAddressFilter(AddressFilter):
    indexed = False  # an execution is written twice, and so is each of its indexes


class VerbFilter(RecordFilter, DropdownFilter):
    """By a verb of the map, or one that the address names: it may have been there once."""

    title = "verb"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        names = {*Verb.objects.values_list("name", flat=True), *filter(None, [self.value()])}
        return [(name, name) for name in sorted(names)]

    def condition(self) -> Condition | None:
        return Condition(Q(verb=self.value()), Found.IN_ORDER) if self.value() else None


class KindFilter(RecordFilter, DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return list(AuditEvent.Kind.choices)

    def condition(self) -> Condition | None:
        found = Found.IN_ORDER if self.value() in RARE_KINDS else Found.BY_READING
        return Condition(Q(kind=self.value()), found) if self.value() else None


class OutcomeFilter(RecordFilter, DropdownFilter):
    title = "outcome"
    parameter_name = "outcome"
    common: tuple[str, ...] = COMMON_OUTCOMES

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        return [(outcome.value, outcome.value) for outcome in Outcome]

    def condition(self) -> Condition | None:
        if not self.value():
            return None
        value = "" if self.value() == RUNNING else self.value()
        # SQLite does not see that a value is none of those that the index leaves out.
        has_index = value not in self.common and (not value or connection.vendor == "postgresql")
        return Condition(Q(outcome=value), Found.IN_ORDER if has_index else Found.BY_READING)


class EndFilter(OutcomeFilter):
    """By how an execution ended, or that it has not."""

    common = COMMON_ENDS
    NO_ENDS = frozenset(
        (
            *(Outcome.OK, Outcome.FAILED, Outcome.LOGOUT, Outcome.LOCKED_OUT, Outcome.ACCEPTED),
            *(Outcome.NOPERM, Outcome.NOVERB, Outcome.PRIVACY, Outcome.USAGE, Outcome.UNPARSABLE),
        )
    )

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        ends = (outcome.value for outcome in Outcome if outcome not in self.NO_ENDS)
        return [(RUNNING, RUNNING), *((end, end) for end in ends)]


class DayRangeFilter(RangeDateFilter):
    """From the start of one day to the end of another, in the site's time zone.

    The stock one compares a time with a bare date, and so leaves the last day out.
    """

    title: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Times are shown in the zone of who looks, but what a day is has to be the same for all.
        self.title = f"{self.title}, days in {timezone.get_current_timezone_name()}"

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
