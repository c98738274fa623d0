"""Pages that say what the gate would answer: to one call, of one user, of one verb, of all. They record nothing."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from commands.admin import explaintables
from commands.admin.base import Context, may_view
from commands.admin.explainform import ExplainForm, data_from_event, from_arguments
from commands.explaining import who_may
from commands.explaining.explain import explain
from commands.explaining.explanation import PLACEHOLDER, SECRET
from commands.models import AuditEvent, Rule, Verb
from commands.rulebook.rules import load_rules

PAGE = 50
"""Users on a page."""

View = Callable[[HttpRequest], HttpResponse]


class ExplainPages(admin.ModelAdmin):
    """Adds the pages to the admin of rules."""

    def get_urls(self) -> list[URLPattern]:
        pages = [path(route, _checked(view), name=f"commands_rule_{name}") for route, name, _, view in PAGES]
        return pages + super().get_urls()


def _checked(view: View) -> View:
    """The answer tells of rules and of verbs: who may not see both gets none."""

    def checked(request: HttpRequest) -> HttpResponse:
        if not (may_view(request, Rule) and may_view(request, Verb)):
            raise PermissionDenied
        return view(request)

    return admin.site.admin_view(checked)


def _render(request: HttpRequest, name: str, context: Context) -> HttpResponse:
    tabs = [
        {"title": title, "link": reverse(f"admin:commands_rule_{each}"), "active": each == name}
        for _, each, title, _ in PAGES
    ]
    context = {**admin.site.each_context(request), "title": "Explain", "tabs": tabs, **context}
    return TemplateResponse(request, f"admin/explain/{name}.html", context)


def call_page(request: HttpRequest) -> HttpResponse:
    """May this user run this verb in this way."""
    data, context = _asked(request), Context(verbs=who_may.verbs())
    verb = next((entry for entry in context["verbs"] if entry.name == data.get("verb", "").lower()), None)
    context["takes_secrets"] = verb is not None and any(each.secrets for each in verb.signatures)
    if data.get("user") and data.get("verb"):
        form = ExplainForm(data)
        context |= _answer(form) if form.is_valid() else {"form": form}
    else:
        context["form"] = ExplainForm(initial=data)
    return _render(request, "explain", context)


def _asked(request: HttpRequest) -> dict[str, Any]:
    """What fills the form: the page's address, or an audit event that it names."""
    number = request.GET.get("event", "")
    if not number:
        return request.GET.dict()
    if not may_view(request, AuditEvent):
        raise PermissionDenied
    event = AuditEvent.objects.filter(pk=number).first() if number.isdecimal() and len(number) < 19 else None
    return {} if event is None else data_from_event(event)


def _answer(form: ExplainForm) -> Context:
    question = form.question()
    found = explain(question)
    pairs = zip(found.arguments, question.arguments, strict=True)
    shown = [PLACEHOLDER if text == SECRET else argument for text, argument in pairs]
    if told := shown != list(question.arguments):
        form = ExplainForm({**form.data, "args": from_arguments(shown)})
    return {
        "form": form,
        "found": found,
        "secret_told": told,
        **explaintables.answer_in_words(found),
        "tables": explaintables.of_explanation(found),
    }


def user_page(request: HttpRequest) -> HttpResponse:
    """What one user may run."""
    name = request.GET.get("user", "").strip()
    context: Context = {"name": name}
    if name:
        subject = who_may.subject_of(name) if "\0" not in name else None
        context["found"] = subject
        if subject is not None:
            cells = who_may.what_may(subject, who_may.verbs(), load_rules(subject), timezone.localtime())
            context["tables"] = [explaintables.of_user(subject, cells)]
    return _render(request, "explain_user", context)


def verb_page(request: HttpRequest) -> HttpResponse:
    """Who may run one verb."""
    name, verbs, now = request.GET.get("verb", "").strip().lower(), who_may.verbs(), timezone.localtime()
    context: Context = {"name": name, "verbs": verbs}
    entry = context["found"] = next((entry for entry in verbs if entry.name == name), None)
    if entry is not None:
        page = Paginator(who_may.users_whom_it_may_serve(entry), PAGE).get_page(request.GET.get("page"))
        rows = who_may.table(iter(page), [entry], now)
        several = who_may.several_whom_it_may_serve(entry, now)
        tables = [explaintables.of_several(entry, several), explaintables.of_verb(entry, rows, page.paginator.count)]
        context |= {"tables": tables, "page": page, "query": {"verb": name}}
    return _render(request, "explain_verb", context)


def table_page(request: HttpRequest) -> HttpResponse:
    """All users and all verbs."""
    search, verbs, users = request.GET.get("q", "").strip(), who_may.verbs(), who_may.active_users()
    if search:
        users = users.filter(username__icontains=search.replace("\0", ""))
    page = Paginator(users, PAGE).get_page(request.GET.get("page"))
    rows = list(who_may.table(iter(page), verbs, timezone.localtime()))
    return _render(request, "explain_table", {"verbs": verbs, "rows": rows, "page": page, "query": {"q": search}})


PAGES: tuple[tuple[str, str, str, View], ...] = (
    ("explain/", "explain", "One call", call_page),
    ("explain/user/", "explain_user", "What may a user run", user_page),
    ("explain/verb/", "explain_verb", "Who may run a verb", verb_page),
    ("explain/table/", "explain_table", "Users and verbs", table_page),
)
