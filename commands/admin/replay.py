"""Replay of an execution in the browser: the page, its data in parts, its search, and files to take away."""

import base64
import uuid
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from commands.admin.base import ModelAdmin
from commands.admin.streaming import download
from commands.admin.text import moment
from commands.admin.viewing import NotRecorded, not_recorded, view_recorded
from commands.models import Execution
from commands.transcript.asciicast import MEDIA_TYPE, asciicast
from commands.transcript.chunk import ERROR, INPUT, OUTPUT, Chunk
from commands.transcript.playing import title
from commands.transcript.reading import (
    context_before,
    last_sequence,
    offset_at,
    read_chunks,
    read_page,
    sequence_before,
)
from commands.transcript.searching import find_text

MAY_VIEW = "commands.view_transcriptchunk"

TOKEN_HEADER = "X-Replay-Token"  # noqa: S105 - in no address, so in no log of addresses
SALT = "commands.replay"

SEARCH_LENGTH = 200

View = Callable[..., HttpResponseBase]


class ReplayMixin(ModelAdmin):
    """Of ExecutionAdmin. Who has opened the page is on record; its data and its search ask for the page's token."""

    change_form_outer_before_template = "admin/replay_link.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            self._path("", self.replay_view, ""),
            self._path("data/", self.replay_data_view, "_data"),
            self._path("search/", self.replay_search_view, "_search"),
            self._path("download/<str:form>/", self.replay_download_view, "_download"),
            *super().get_urls(),
        ]

    def _path(self, end: str, view: View, name: str) -> URLPattern:
        @wraps(view)
        def guarded(request: HttpRequest, execution_id: uuid.UUID, **places: Any) -> HttpResponseBase:
            if not self.has_view_permission(request) or not request.user.has_perm(MAY_VIEW):
                raise PermissionDenied
            return view(request, self._find(execution_id), **places)

        route = f"<uuid:execution_id>/replay/{end}"
        return path(route, self.admin_site.admin_view(guarded), name=f"commands_execution_replay{name}")

    def _find(self, execution_id: uuid.UUID) -> Execution:
        try:
            return Execution.objects.get(pk=execution_id)
        except Execution.DoesNotExist as error:
            raise Http404("no such execution") from error

    def replay_view(self, request: HttpRequest, execution: Execution) -> HttpResponseBase:
        last = last_sequence(execution.pk)
        if last:
            try:
                view_recorded(request, "transcript: replay", execution)
            except NotRecorded:
                return not_recorded(request)
        context = {
            **self.admin_site.each_context(request),
            "title": title(execution.username, execution.verb, execution.arguments_text),
            "opts": self.opts,
            "execution": execution,
            "started": moment(execution.started),
            "last": last,
            "duration": offset_at(execution.pk, last),
            "token": signing.dumps([str(execution.pk), request.user.pk], salt=SALT),
            "downloads": _downloads(execution),
        }
        return TemplateResponse(request, "admin/replay.html", context)

    def replay_data_view(self, request: HttpRequest, execution: Execution) -> HttpResponse:
        """`after`: the chunks behind this sequence number. `at`: those around this time, in microseconds."""
        _check_token(request, execution)
        at = _number(request, "at")
        if at is None:
            after = _number(request, "after") or 0
        else:
            after = context_before(execution.pk, sequence_before(execution.pk, at + 1))
        chunks = read_page(execution.pk, after)
        return JsonResponse({"after": after, "chunks": [_as_json(chunk) for chunk in chunks]})

    def replay_search_view(self, request: HttpRequest, execution: Execution) -> HttpResponse:
        _check_token(request, execution)
        wanted = request.GET.get("q", "")[:SEARCH_LENGTH]
        if not wanted:
            return JsonResponse({"matches": [], "next": None})
        found = find_text(execution.pk, wanted, _number(request, "after") or 0)
        return JsonResponse({"matches": found.matches, "next": found.next})

    def replay_download_view(self, request: HttpRequest, execution: Execution, form: str) -> HttpResponseBase:
        if form not in _FILES or not last_sequence(execution.pk):
            raise Http404("no such file")
        how, ending, media_type = _FILES[form]
        try:
            view_recorded(request, f"transcript: {how}", execution)
        except NotRecorded:
            return not_recorded(request)
        return download(request, _content(execution, form), f"{execution.pk}.{ending}", media_type)


_FILES = {
    "asciicast": ("asciicast", "cast", MEDIA_TYPE),
    "output": ("output, raw", "output", "application/octet-stream"),
    "input": ("input, raw", "input", "application/octet-stream"),
}

_TEXTS = {
    "asciicast": "asciicast (asciinema plays it)",
    "output": "output, raw bytes",
    "input": "input, raw bytes",
}


def _downloads(execution: Execution) -> list[tuple[str, str]]:
    if execution.transcript != "full":
        return []
    name = "admin:commands_execution_replay_download"
    return [(reverse(name, args=[execution.pk, form]), text) for form, text in _TEXTS.items()]


def _content(execution: Execution, form: str) -> Iterable[str | bytes]:
    chunks = read_chunks(execution.pk)
    if form == "asciicast":
        name = title(execution.username, execution.verb, execution.arguments_text)
        return asciicast(chunks, title=name, timestamp=int(execution.started.timestamp()))
    streams = {"input": (INPUT,), "output": (OUTPUT, ERROR)}[form]
    return (chunk.data or b"" for chunk in chunks if chunk.stream in streams)


def _check_token(request: HttpRequest, execution: Execution) -> None:
    """Only the page has it, and to open the page was recorded."""
    try:
        told = signing.loads(request.headers.get(TOKEN_HEADER, ""), salt=SALT, max_age=settings.SESSION_COOKIE_AGE)
    except signing.BadSignature as error:
        raise PermissionDenied from error
    if told != [str(execution.pk), request.user.pk]:
        raise PermissionDenied


def _number(request: HttpRequest, name: str) -> int | None:
    """None if it is not given, or no number that a column takes."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _as_json(chunk: Chunk) -> list[Any]:
    data = None if chunk.data is None else base64.b64encode(chunk.data).decode("ascii")
    return [chunk.sequence, chunk.offset, chunk.stream, chunk.size, data]
