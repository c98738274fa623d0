"""The form of a rule: a limit's numbers for a limit alone, and errors beside the field that they are about."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from commands.admin.verbform import CODE, ReadableJSONField
from commands.models import Rule
from commands.rulebook.rule_check import NUMBERS


class RuleForm(forms.ModelForm):
    class Meta:
        field_classes = {"arguments": ReadableJSONField}
        widgets = {"arguments": UnfoldAdminTextareaWidget(CODE)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "counted" in self.fields:  # not where the page may only be viewed
            self.fields["counted"].required = False

    def clean_arguments(self) -> Any:
        # A field left empty means no conditions; the column would keep a JSON null, which is no object.
        arguments = self.cleaned_data["arguments"]
        return {} if arguments is None else arguments

    def clean_counted(self) -> str:
        return self.cleaned_data["counted"] or Rule.Counted.USER

    def clean(self) -> dict[str, Any] | None:
        """The numbers of what is no limit are not on the page, so they are not kept, whatever is in them."""
        cleaned = super().clean()
        if self.cleaned_data.get("effect") not in (None, Rule.Effect.LIMIT):
            for name in NUMBERS:
                self.errors.pop(name, None)
                self.cleaned_data[name] = None
        return cleaned
