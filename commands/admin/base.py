"""What our admin pages have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.views import ChangeList

Context = dict[str, Any]  # what Django's admin calls extra_context


class ModelAdmin(UnfoldModelAdmin):
    """An admin page whose list says in `empty_text` what it means that there is nothing in it yet."""

    empty_text = ""
    list_filter_submit = True


class CappedPaginator(Paginator):
    """Counts no further than `CAP` rows: to count a record of millions is to read all of it.

    What lies past the cap is reached by a filter or a search, not by turning pages.
    """

    CAP = 10_000
    object_list: models.QuerySet[Any]
    template_name = "admin/capped_pagination.html"

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[: self.CAP].count()

    @property
    def is_capped(self) -> bool:
        return self.count >= self.CAP


class RecordChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            # Without it the page offers to "show all" where all is shown.
            self.full_result_count = self.result_count


class RecordAdmin(ModelAdmin):
    """A record of what happened: read by whoever may, written by nobody here, not even the superuser."""

    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each counts all rows
    paginator = CappedPaginator
    list_per_page = 50

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


@dataclass(frozen=True)
class RelatedTable:
    """Rows of another model to show on a page, by `admin/related_table.html`. Cells that are not safe are escaped."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty_text: str
    links: Sequence[tuple[str, str]] = ()  # address and text

    @property
    def table(self) -> dict[str, Any]:
        return {"headers": self.headers, "rows": self.rows}


def may_view(request: HttpRequest, model: type[models.Model]) -> bool:
    """Whether the model's own admin page would let the one who asks see it."""
    return admin.site.get_model_admin(model).has_view_permission(request)
