"""Signatures and their parameters, edited on the page of their verb."""

from dataclasses import fields
from typing import Any

from django import forms
from unfold.admin import StackedInline, TabularInline
from unfold.forms import PaginationInlineFormSet

from commands import signature
from commands.models import Parameter, Signature


class OrderedFormSet(PaginationInlineFormSet):
    """Rows that were added come last, in the order in which they stand on the page; those saved are dragged."""

    def save_new(self, form: forms.ModelForm, commit: bool = True) -> Any:
        positions = (each.instance.position for each in self.forms if each.instance.pk is not None)
        form.instance.position = max(positions, default=-1) + 1
        return super().save_new(form, commit)


class ParameterForm(forms.ModelForm):
    def clean(self) -> None:
        super().clean()
        if self.errors:
            return
        values = {field.name: self.cleaned_data[field.name] for field in fields(signature.Parameter)}
        values["type"] = signature.ParameterType(values["type"])
        fault = signature.Parameter(**values).fault
        if fault:
            self.add_error("detail", fault)


class ParameterInline(TabularInline):
    model = Parameter
    form = ParameterForm
    formset = OrderedFormSet
    extra = 0
    hide_title = True
    ordering_field = "position"
    hide_ordering_field = True
    fields = ("name", "type", "detail", "optional", "max_length", "allow_leading_dash", "position")


class SignatureForm(forms.ModelForm):
    class Meta:
        widgets = {"position": forms.HiddenInput}

    def has_changed(self) -> bool:
        # One that was added is meant, also where nothing of its own differs from an empty form's.
        return self.instance.pk is None or super().has_changed()


class SignatureInline(StackedInline):
    model = Signature
    verbose_name_plural = "Signatures: the ways to call it (with none, it takes no arguments)"
    form = SignatureForm
    formset = OrderedFormSet
    extra = 0
    ordering_field = "position"
    fields = ("position",)
    inlines = (ParameterInline,)
