"""Lists of the record: pages by key, not by number, and no query that reads more than so many rows.

The first page costs as little as the thousandth, since each begins at the row where the last one ended: `?before=KEY`
goes to older rows, `?after=KEY` to newer ones, and `?after=first` begins with the oldest.

Where no index has the rows in order (several conditions at once, the start of a name, a word in the arguments), one
page looks through the next SCAN rows alone and says so; `?before=` goes on where it stopped.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.views import ChangeList

from commands.admin.base import Context, ModelAdmin
from commands.admin.filters import Condition, DayRangeFilter, Found, RecordFilter
from commands.web.places import Place, beyond

BEFORE, AFTER, OLDEST = "before", "after", "first"
CAP = 1000  # no count goes on after so many: to count a record of millions is to read all of it
SCAN = 10_000  # rows that are not beside each other: some 50 ms


class OnePage(Paginator):
    """What Django's list asks of a paginator. It has been turned to the page already."""

    template_name = "admin/record_pagination.html"
    count: int = 0


class RecordChangeList(ChangeList):
    """A page of the record. `queryset` is all that the filters and the search let through, newest first."""

    model_admin: "RecordAdmin"
    searched_to: datetime | None  # what came to light up to there; None: all is known

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        return [f"-{self.model_admin.time_field}", "-pk"]  # and no `?o=`: to sort by a column is to read all of it

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        for name in (BEFORE, AFTER):  # no filters, and what changes a filter begins at its first page
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        queryset: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return queryset

    def get_results(self, request: HttpRequest) -> None:
        before, after = request.GET.get(BEFORE), request.GET.get(AFTER)
        self.searched_to = None
        rows: list[Any] = []
        self.has_newer = self.has_older = False
        if after and not before:
            rows, self.has_newer = self._page(self._place(after), newer=True)
            self.has_older = after != OLDEST
            rows.reverse()
        if not self.has_newer and self.searched_to is None:  # also where they are the newest: then a whole page of them
            rows, self.has_older = self._page(self._place(before), newer=False)
            self.has_newer = before is not None
        self._describe(request, rows)

    def _describe(self, request: HttpRequest, rows: list[Any]) -> None:
        """Set what Django's and unfold's templates ask for."""
        self.result_list = rows
        is_whole = not self.has_newer and not self.has_older and self.searched_to is None
        self.is_counted = is_whole or not self._needs_scan()
        self.result_count = len(rows) if is_whole or not self.is_counted else self.queryset.order_by()[:CAP].count()
        self.is_capped = self.result_count >= CAP
        # Where they differ the page's head tells the number, as if it were that of all.
        is_filtered = bool(self.query or self.has_active_filters)
        is_number = self.is_counted and not self.is_capped
        self.full_result_count = None if is_filtered and is_number else self.result_count
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.paginator = OnePage(rows, self.list_per_page)
        self.paginator.count = len(rows)
        self.links = self._links(rows)

    def _links(self, rows: Sequence[Any]) -> dict[str, str]:
        links = {}
        self.scan, self.direction = f"{SCAN:,}", ""
        if self.has_newer:
            links["newest"] = self.get_query_string()
            links["newer"] = self.get_query_string({AFTER: str(self._place_of(rows[0]))}) if rows else ""
        if self.searched_to is not None:
            links["further"] = self.get_query_string({self._further[0]: str(self._further[1])})
            self.direction = "back to" if self._further[0] == BEFORE else "up to"
        elif self.has_older:
            links["older"] = self.get_query_string({BEFORE: str(self._place_of(rows[-1]))})
            links["oldest"] = self.get_query_string({AFTER: OLDEST})
        return links

    def _page(self, place: Place | None, *, newer: bool) -> tuple[list[Any], bool]:
        """Return a page's rows from `place` on, and whether more are known to follow."""
        queryset = self._from(self.queryset, place, newer=newer)
        if self._needs_scan():
            queryset = self._bounded(queryset, place, newer=newer)
        rows = list(queryset[: self.list_per_page + 1])
        if len(rows) > self.list_per_page:
            self.searched_to = None  # there is enough to show before that
        return rows[: self.list_per_page], len(rows) > self.list_per_page

    def _from(self, queryset: QuerySet[Any], place: Place | None, *, newer: bool) -> QuerySet[Any]:
        return beyond(queryset, self.model_admin.time_field, place, newer=newer)

    def _needs_scan(self) -> bool:
        conditions = self._conditions()
        return bool(self.query) or len(conditions) > 1 or any(each.found is not Found.IN_ORDER for each in conditions)

    def _bounded(self, queryset: QuerySet[Any], place: Place | None, *, newer: bool) -> QuerySet[Any]:
        """Return of `queryset` what lies within the next SCAN rows of the best way in."""
        best = min(self._conditions(), key=lambda each: each.found, default=None)
        way_in = self._from(self._in_time(), place, newer=newer)
        if best is not None and best.found is Found.IN_ORDER:
            way_in = way_in.filter(best.q)
        elif best is not None and best.found is Found.IN_RANGE:
            few = way_in.filter(best.q).order_by()[: SCAN + 1].count()
            if few <= SCAN:  # all that there is: nothing is left out
                return queryset
        time = self.model_admin.time_field
        # By the time alone: then the index alone answers, without one row being read.
        end = way_in.order_by(time if newer else f"-{time}").values_list(time, flat=True)[SCAN : SCAN + 1].first()
        if end is None:
            return queryset
        self.searched_to = end
        self._further = (AFTER if newer else BEFORE, Place(end))
        return queryset.filter(**{f"{time}__{'lte' if newer else 'gte'}": end})

    def _conditions(self) -> list[Condition]:
        conditions = (spec.condition() for spec in self.filter_specs if isinstance(spec, RecordFilter))
        return [each for each in conditions if each is not None]

    def _in_time(self) -> QuerySet[Any]:
        queryset = self.root_queryset
        for spec in self.filter_specs:
            if isinstance(spec, DayRangeFilter):
                queryset = spec.queryset(self.request, queryset)
        return queryset

    def _place(self, text: str | None) -> Place | None:
        if not text or text == OLDEST:
            return None
        try:
            return Place.parse(text, self.model)
        except ValueError as error:
            raise IncorrectLookupParameters("no place in this list") from error

    def _place_of(self, row: Any) -> Place:
        return Place(getattr(row, self.model_admin.time_field), row.pk)

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(request, *args, **kwargs)


class RecordAdmin(ModelAdmin):
    """A record of what happened: read by whoever may, written by nobody here, not even the superuser."""

    time_field = "at"
    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each counts all rows
    list_per_page = 50
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordChangeList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Context | None = None
    ) -> HttpResponse:
        context: Context = {"show_history": False, **(extra_context or {})}  # there is nothing that it could hold
        return super().change_view(request, object_id, form_url, context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
