"""The map as a file, in the browser: give a draft, see what is wrong with it and what it would change, load it."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.decorators import action

from commands.admin.base import RelatedTable, may_view
from commands.admin.confirm import ask
from commands.admin.text import moment
from commands.changes import together
from commands.explaining import shadow
from commands.mapfile.from_toml import decoded
from commands.mapfile.load import Change, MapFileError, check, difference, dump, load
from commands.mapfile.problems import Problem
from commands.mapfile.programs import gained_interpreters, unsafe_programs
from commands.models import AuditEvent
from commands.web.text import visible

DAYS = 30
NEWEST = 20_000
"""Attempts that a page decides again: some seconds. For more there is the command."""

WARNINGS = 20  # about programs, on one page

READ = tuple(f"commands.{each}" for each in ("change_verb", "change_rule"))
# A load may do all of it to all of them.
LOAD = tuple(
    f"commands.{deed}_{model}"
    for model in ("verb", "rule", "tag", "actionverb")
    for deed in ("add", "change", "delete")
)

Result = dict[str, Any]


class MapFilePages(UnfoldModelAdmin):
    """For the admin of verbs: a page below its list, and the button that leads there."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download_view)
        return [path("map/download/", view, name="commands_map_download"), *super().get_urls()]

    def has_read_map_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        # By a method: names with a dot unfold looks up in the database, which is not there at the first migrate.
        return request.user.has_perms(READ)

    @action(description="Map as a file", url_path="map", permissions=["read_map"], icon="description")
    def map_file(self, request: HttpRequest) -> HttpResponse:
        text: str | bytes = "" if request.method == "POST" else dump()
        result: Result = {}
        if request.method == "POST":
            try:
                text = _given(request)
                if request.POST.get("do") == "load" and request.user.has_perms(LOAD):
                    text = _carried(request, text)
                    if (asked := ask(request)) is not None:
                        return asked
                result = ACTIONS.get(request.POST.get("do", ""), _compare)(request, text)
            except MapFileError as error:
                result = {"problems": [visible(str(problem)) for problem in error.problems]}
            if result.get("loaded"):
                return HttpResponseRedirect(request.path)
        return TemplateResponse(
            request,
            "admin/mapfile.html",
            {
                **self.admin_site.each_context(request),
                "title": "Map as a file",
                "opts": self.opts,
                "text": text if isinstance(text, str) else text.decode("utf-8-sig", "replace"),
                "reason": request.POST.get("reason", ""),
                "days": DAYS,
                "newest": NEWEST,
                "may_replay": may_view(request, AuditEvent),
                "may_load": request.user.has_perms(LOAD),
                **result,
            },
        )

    def download_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perms(READ):
            raise PermissionDenied
        return HttpResponse(
            dump(),
            content_type="application/toml; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="map.toml"'},
        )


def _given(request: HttpRequest) -> str | bytes:
    """The file that was uploaded, as it is, or else the text that was typed."""
    if file := request.FILES.get("file"):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # Django's own, of what is typed
        if (file.size or 0) > limit:
            raise MapFileError([Problem("", f"The file has more than {limit} bytes: manage.py map load takes it.")])
        data: bytes = file.read()
        return data
    return request.POST.get("text", "").replace("\r\n", "\n")


def _carried(request: HttpRequest, text: str | bytes) -> str:
    """A file is not carried by the page that asks who one is; its text is, if it is there as what was typed."""
    posted, carried = request.POST.copy(), decoded(text)
    posted["text"] = carried
    request.POST = posted  # type: ignore[assignment]
    return carried


def _compare(request: HttpRequest, text: str | bytes) -> Result:
    if problems := check(text):
        raise MapFileError(problems)
    _warn(request, text)
    return {"compared": True, "lines": _lines(difference(text))}


def _replay(request: HttpRequest, text: str | bytes) -> Result:
    if not may_view(request, AuditEvent):
        raise PermissionDenied
    run = shadow.prepare(text, days=DAYS, newest=NEWEST)
    for _ in run.decide():
        pass
    table = RelatedTable(
        title="Attempts that would come out otherwise",
        headers=("User", "Verb", "Arguments", "Was", "Would be", "Times", "Last"),
        rows=[_row(group) for group in run.sorted_groups()],
        empty_text="None.",
    )
    return {"shadow": table, "summary": run.summary, "notes": shadow.NOTES} | _compare(request, text)


def _load(request: HttpRequest, text: str | bytes) -> Result:
    if not request.user.has_perms(LOAD):
        raise PermissionDenied
    reason = request.POST.get("reason", "").strip()
    if not reason:
        return {"problems": ["Say why: the history and the record show it."]} | _compare(request, text)
    if not request.user.has_perm("commands.shell_verb") and (problems := gained_interpreters(text)):
        raise MapFileError(problems)
    with together():
        changes = load(text, reason)
    _warn(request, text)
    count = len(changes)
    told = (
        f"Loaded: {count} change{'s' * (count != 1)}." if count else "Nothing to change: the map is as the file says."
    )
    messages.success(request, told)
    return {"loaded": True}


def _warn(request: HttpRequest, text: str | bytes) -> None:
    for problem in unsafe_programs(text)[:WARNINGS]:
        messages.warning(request, visible(f"{problem} It would not be started on this machine."))


def _row(group: shadow.Group) -> list[Any]:
    was, would_be = (f"{outcome}: {by}" if by else outcome for outcome, by in _sides(group))
    return [visible(each) for each in (group.username, group.verb, group.arguments, was, would_be)] + [
        str(group.count),
        moment(group.last),
    ]


def _sides(group: shadow.Group) -> tuple[tuple[str, str], tuple[str, str]]:
    return (group.was, group.was_by), (group.would_be, group.would_be_by)


def _lines(changes: list[Change]) -> list[str]:
    return [visible(line) for change in changes for line in change.lines()]


ACTIONS: dict[str, Callable[[HttpRequest, str | bytes], Result]] = {
    "compare": _compare,
    "replay": _replay,
    "load": _load,
}
