"""What would run for sample arguments: computed from the verb's form as it stands in the browser, and not saved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin as UnfoldModelAdmin

from commands.admin.base import Context
from commands.admin.explainform import to_arguments
from commands.arguments import signature as signatures
from commands.arguments.mismatch import mismatch
from commands.arguments.signature import Match, Signature
from commands.audit_text import printable
from commands.models import Verb
from commands.web.text import visible

SAMPLE = "sample"
LENGTH = 20_000  # characters, as on the pages that explain

ASKED = ("kind", "argv", "plugin", "address")
"""Fields whose faults are told: those of the others are, when it is saved."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`field` is the id of what is at fault, empty where that is no single field."""

    label: str
    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """One of the argument vector. `shown` is in quotes where its bounds would not be seen without."""

    shown: str
    place: str  # "program", or its number
    from_client: bool


class ArgvPage(UnfoldModelAdmin):
    """For the admin of verbs: what its form asks while somebody types."""

    def get_urls(self) -> list[URLPattern]:
        return [
            path("argv/", self.admin_site.admin_view(self.argv_view), name="commands_verb_argv"),
            *super().get_urls(),
        ]

    @method_decorator((require_POST, sensitive_post_parameters(SAMPLE)))
    def argv_view(self, request: HttpRequest) -> HttpResponse:
        """A piece of a page. `verb` is the key of the one that is changed, left out for one that is added."""
        given = request.POST.get("verb", "")
        # Before it is looked for: who may not change any learns nothing of which there are.
        if not (self.has_change_permission(request) if given else self.has_add_permission(request)):
            raise PermissionDenied
        stored = self.get_object(request, given) if given else None
        if given and stored is None:
            raise Http404
        form = self.get_form(request, stored, change=stored is not None)(request.POST, instance=stored)
        form.is_valid()
        matchers, wrong = self._matchers(request, form.instance, is_stored=stored is not None)
        faults = [*_faults_of_form(form), *wrong]
        context: Context = {"faults": faults}
        if matchers is not None and not any(fault.field == "id_kind" for fault in faults):
            context |= answer(form.instance, matchers, request.POST.get(SAMPLE, "")[:LENGTH])
            if any(fault.field == "id_argv" for fault in faults):
                context |= {"elements": [], "shell": ""}
        return TemplateResponse(request, "admin/verb_argv.html", context)

    def _matchers(
        self, request: HttpRequest, verb: Verb, *, is_stored: bool
    ) -> tuple[list[Signature] | None, list[Fault]]:
        """Of the form's signatures, None where they are not valid; of those stored for who may not change them."""
        inlines = self.get_inline_instances(request)  # without those that one may not even see
        if not inlines or not all(each.has_change_permission(request) for each in inlines):
            rows = Verb.objects.get(pk=verb.pk).signatures.prefetch_related("parameters") if is_stored else ()
            return [row.matcher() for row in rows], []
        formsets, _ = self._create_formsets(request, verb, change=is_stored)
        faults = [fault for formset in formsets for fault in _faults_of_formset(formset)]
        valid = [formset.matchers() for formset in formsets if formset.is_valid()]
        return (valid[0] if valid else None), faults


def answer(verb: Verb, matchers: Sequence[Signature], sample: str) -> Context:
    """What `admin/verb_argv.html` shows of sample arguments, one a line."""
    try:
        arguments = to_arguments(sample)
        match = signatures.match_arguments(verb.name, matchers, arguments, verb.takes_input)
    except signatures.ArgumentLimitError as error:
        return {"refused": f"Refused, whatever the verb takes: {error}."}
    except signatures.UsageError:
        if not arguments:
            return {"ways": [visible(each.usage) for each in matchers]}
        return {"refused": "No signature takes these arguments.", "reasons": _reasons(matchers, arguments)}
    hidden = signatures.hidden_positions(matchers, arguments)
    shown = [
        f"a secret of {len(each)} bytes" if place in hidden else visible(printable(each))
        for place, each in enumerate(arguments)
    ]
    elements = _elements(verb, match, arguments) if verb.kind == "program" else []
    return {
        "number": matchers.index(match.signature) + 1 if matchers else 0,
        "usage": visible(match.signature.usage),
        "kind": verb.kind,
        "names": list(zip(_names(match.signature, len(arguments)), shown, strict=True)),
        "elements": elements,
        "shell": visible(" ".join(_in_shell(each) for each in _argv(verb, match, arguments))) if elements else "",
        "secrets": len(match.secrets),
        "plugin": visible(verb.plugin),
        "address": visible(verb.address),
        "reads_message": verb.takes_input or match.uids is not None,
    }


def _reasons(matchers: Sequence[Signature], arguments: Sequence[bytes]) -> list[tuple[str, str]]:
    """Each signature with why it is not the one."""
    return [
        (visible(each.usage) or "(no arguments)", visible(mismatch(each, arguments)))
        for each in matchers or (Signature(()),)
    ]


def _names(matched: Signature, count: int) -> list[str]:
    """The parameter of each argument."""
    parameters = matched.parameters[:count]
    return [each.name for each in (*parameters, *parameters[-1:] * (count - len(parameters)))]


def _argv(verb: Verb, match: Match, arguments: Sequence[bytes]) -> tuple[bytes, ...]:
    return signatures.build_argv(verb.argv, match.values, arguments)


def _elements(verb: Verb, match: Match, arguments: Sequence[bytes]) -> list[Element]:
    elements: list[Element] = []
    for each in verb.argv:
        built = signatures.build_argv([each], match.values, arguments)
        from_client = signatures.PLACEHOLDER.fullmatch(each) is not None
        for element in built:
            elements.append(Element(visible(printable(element)), str(len(elements) or "program"), from_client))
    return elements


def _in_shell(element: bytes) -> str:
    return quote(element.decode("utf-8", "backslashreplace"))


def _faults_of_form(form: Any) -> Iterator[Fault]:
    for name, errors in form.errors.items():
        if name in ASKED:
            field = form[name]
            yield from (Fault(str(field.label), visible(text), field.id_for_label) for text in errors)


def _faults_of_formset(formset: Any, place: str = "") -> Iterator[Fault]:
    """Of signatures, and of the parameters in them."""
    yield from (Fault(place or "Signatures", visible(text)) for text in formset.non_form_errors())
    for number, form in enumerate(formset.forms, 1):
        if formset._should_delete_form(form):
            continue
        name = f"{place}, parameter {number}" if place else f"Signature {number}"
        for field, errors in form.errors.items():
            bound = form[field] if field in form.fields else None
            label = name if bound is None else f"{name}, {bound.label}"
            yield from (Fault(label, visible(text), bound.id_for_label if bound else "") for text in errors)
        for nested in getattr(form, "nested_formsets", ()):
            yield from _faults_of_formset(nested.formset, name)
