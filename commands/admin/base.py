"""What our admin pages have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DataError, models
from django.http import HttpRequest
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.views import ChangeList

Context = dict[str, Any]  # what Django's admin calls extra_context


class ModelAdmin(UnfoldModelAdmin):
    """An admin page whose list says in `empty_text` what it means that there is nothing in it yet."""

    empty_text = ""
    list_filter_submit = True

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """What no column can hold, in the address of a list, is no fault of the server's."""
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, DataError) as error:
            raise IncorrectLookupParameters("no column holds such a value") from error


class LongChangeList(ChangeList):
    """Of a list without `show_full_result_count`: where nothing was filtered, its head tells no number of results."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


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
