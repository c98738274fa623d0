"""The history of what an admin page changes: who, when, why, before and after; and back to any version of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Max
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import action

from commands.admin.base import Context, ModelAdmin
from commands.admin.text import label, moment
from commands.mapfile.difference import field_changes
from commands.mapfile.plain import Entry
from commands.mapfile.problems import MapFileError
from commands.mapfile.revert import revert
from commands.mapfile.versions import kind_of, tags_of, version_entry, version_title, versions_before, with_names
from commands.web.text import visible

PAGE = 25

WORDS = {"+": ("added", "success"), "~": ("changed", "info"), "-": ("deleted", "danger")}


@dataclass(frozen=True)
class Version:
    """One row of the history, as the page shows it."""

    key: int
    when: SafeString
    what: SafeString
    title: str
    who: str
    reason: str
    changes: list[str]
    revert_url: str = ""  # empty: it may not be, or it is what there is now
    revert_text: str = ""


class HistoryAdmin(ModelAdmin):
    """For models with `history` (simple_history): each one's own page of versions, and one of the last changes of all.

    `can_revert`: whether who may change it may have an earlier version again, and who may add one what was deleted.
    """

    can_revert = True
    actions_list: Sequence[Any] = ("changes",)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_revert"
        view = self.admin_site.admin_view(self.revert_view)
        return [path("<path:object_id>/revert/<int:version>/", view, name=name), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        if not change or form.has_changed():  # a version like the one before it would tell nothing
            super().save_model(request, obj, form, change)

    @action(description="Last changes", url_path="changes", permissions=["view_or_change"], icon="history")
    def changes(self, request: HttpRequest) -> HttpResponse:
        """The last changes of all, of those too that are gone."""
        return self._page(request, self.model.history.all(), f"Last changes: {self.opts.verbose_name_plural}", {})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Context | None = None) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        rows = self.model.history.filter(id=_key(object_id))
        if obj is None and not rows.exists():
            raise Http404
        title = str(obj) if obj is not None else version_title(rows[0], version_entry(rows[0]))
        return self._page(request, rows, f"History: {title}", {"object": obj, "original": obj, **(extra_context or {})})

    @method_decorator(require_POST)
    def revert_view(self, request: HttpRequest, object_id: str, version: int) -> HttpResponse:
        if not self.has_view_or_change_permission(request):  # first: nobody else learns which versions there are
            raise PermissionDenied
        row = self.model.history.filter(id=_key(object_id), history_id=version).first()
        if row is None:
            raise Http404
        if not self._may_revert(request, row, self._newest([row]).get(row.id)):
            raise PermissionDenied
        try:
            instance = revert(row)
        except MapFileError as error:
            for problem in error.problems:
                self.message_user(request, visible(f"It can't be as it was: {problem}"), messages.ERROR)
            return HttpResponseRedirect(self._history_url(row.id))
        self.log_change(request, instance, f"Reverted to version {version}.")
        self.message_user(request, visible(f"{instance} is as it was."), messages.SUCCESS)
        return HttpResponseRedirect(self._history_url(row.id))

    def _page(self, request: HttpRequest, rows: Any, title: str, context: Context) -> HttpResponse:
        rows = with_names(rows).select_related("history_user")
        page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
        return TemplateResponse(
            request,
            "admin/versions.html",
            {
                **self.admin_site.each_context(request),
                "title": visible(title),
                "opts": self.opts,
                "page": page,
                "versions": list(self._versions(request, list(page.object_list))),
                "of_all": "object" not in context,
                **context,
            },
        )

    def _versions(self, request: HttpRequest, rows: Sequence[Any]) -> Iterator[Version]:
        """By a number of queries that does not depend on that of the rows."""
        before, newest = versions_before(rows), self._newest(rows)
        tags = tags_of([*rows, *before.values()])
        for row in rows:
            earlier = before.get(row.pk)
            entry = version_entry(row, tags.get(row.pk))
            was = None if earlier is None else version_entry(earlier, tags.get(earlier.pk))
            text, colour = WORDS[row.history_type]
            may = self._may_revert(request, row, newest.get(row.id))
            yield Version(
                key=row.history_id,
                when=moment(row.history_date),
                what=label(text, colour),
                title=visible(version_title(row, entry)),
                who=visible(str(row.history_user)) if row.history_user else "a command",
                reason=visible(row.history_change_reason or ""),
                changes=[visible(change) for change in _changes(row, entry, was)],
                revert_url=self._revert_url(row) if may else "",
                revert_text="Restore" if may and row.history_type == "-" else "Revert to this",
            )

    def _newest(self, rows: Sequence[Any]) -> dict[Any, int]:
        """The keys of the newest versions, by the keys of what they are of, as far as that is still there."""
        there = self.model._default_manager.filter(pk__in=[row.id for row in rows]).values("pk")
        newest = self.model.history.filter(id__in=there).order_by().values("id").annotate(newest=Max("history_id"))
        return dict(newest.values_list("id", "newest"))

    def _may_revert(self, request: HttpRequest, row: Any, newest: int | None) -> bool:
        """False for the version that there is now, too. `newest`: None where it is deleted."""
        if not self.can_revert:
            return False
        if newest is None:
            return self.has_add_permission(request)
        return newest != row.history_id and self.has_change_permission(request)

    def _revert_url(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_revert", args=[row.id, row.history_id])

    def _history_url(self, key: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", args=[key])


def _changes(row: Any, entry: Entry, was: Entry | None) -> Iterable[str]:
    kind = kind_of(row)
    if row.history_type == "-":
        return []
    if row.history_type == "~" and was is None:
        return ["No version before this one is on record. It was:", *field_changes(kind, None, entry)]
    return field_changes(kind, None if row.history_type == "+" else was, entry)


def _key(object_id: str) -> int:
    text = unquote(object_id)
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    return int(text)
