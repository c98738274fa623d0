"""Signatures and their parameters, edited on the page of their verb."""

from typing import Any

from django import forms
from unfold.admin import StackedInline, TabularInline
from unfold.forms import PaginationInlineFormSet

from commands.arguments import signature
from commands.models import Parameter, Signature
from commands.validators import validate_signatures


class OrderedFormSet(PaginationInlineFormSet):
    """Rows that were added come last, in the order in which they stand on the page; those saved are dragged."""

    def save_new(self, form: forms.ModelForm, commit: bool = True) -> Any:
        positions = (each.instance.position for each in self.forms if each.instance.pk is not None)
        form.instance.position = max(positions, default=-1) + 1
        return super().save_new(form, commit)

    def rows(self) -> list[Any]:
        """What will stand in the table: the instances of all forms that are not to be deleted, in their order."""
        kept = [form.instance for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        saved = sorted((row for row in kept if row.pk is not None), key=lambda row: row.position)
        return saved + [row for row in kept if row.pk is None]


class SignatureFormSet(OrderedFormSet):
    """Checks what none of its rows can: how parameters stand together, and whether they go with what runs."""

    def clean(self) -> None:
        super().clean()
        matchers = self.matchers()
        if matchers is None:
            return  # said there
        verb = self.instance
        if isinstance(verb.argv, list) and all(isinstance(element, str) for element in verb.argv):
            validate_signatures(verb.kind, verb.argv, matchers)

    def matchers(self) -> list[signature.Signature] | None:
        """What will match arguments, in the order in which it will be tried; None where a parameter is not valid."""
        kept = [form for form in self.forms if not self._should_delete_form(form)]
        kept.sort(key=lambda form: (form.instance.pk is None, form.instance.position if form.instance.pk else 0))
        # unfold's, none where they may not be seen
        nested = [each.formset for form in kept for each in getattr(form, "nested_formsets", ())]
        if not all(formset.is_valid() for formset in nested):
            return None
        return [signature.Signature(tuple(row.matcher() for row in formset.rows())) for formset in nested]


class ParameterInline(TabularInline):
    model = Parameter
    formset = OrderedFormSet
    extra = 0
    hide_title = True
    ordering_field = "position"
    hide_ordering_field = True
    fields = (
        "name",
        "type",
        "detail",
        "optional",
        "repeat",
        "max_count",
        "max_length",
        "characters",
        "allow_leading_dash",
        "position",
    )


class SignatureForm(forms.ModelForm):
    class Meta:
        widgets = {"position": forms.HiddenInput}

    def has_changed(self) -> bool:
        # One that was added is meant, also where nothing of its own differs from an empty form's.
        return self.instance.pk is None or super().has_changed()


class SignatureInline(StackedInline):
    model = Signature
    verbose_name_plural = "Signatures: the ways to call it"
    form = SignatureForm
    formset = SignatureFormSet
    extra = 0
    ordering_field = "position"
    fields = ("position",)
    inlines = (ParameterInline,)
