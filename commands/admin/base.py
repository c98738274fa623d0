"""What our admin pages have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin as UnfoldModelAdmin

Context = dict[str, Any]  # what Django's admin calls extra_context


class ModelAdmin(UnfoldModelAdmin):
    """An admin page whose list says in `empty_text` what it means that there is nothing in it yet."""

    empty_text = ""
    list_filter_submit = True


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
