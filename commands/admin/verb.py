from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RelatedDropdownFilter

from commands.admin.argv import ArgvPage
from commands.admin.base import Context, ModelAdmin, RelatedTable, may_view
from commands.admin.confirm import ConfirmedHistoryAdmin
from commands.admin.console import ConsolePages
from commands.admin.lock import lock_panel
from commands.admin.mapfile import MapFilePages
from commands.admin.signature import SignatureInline
from commands.admin.text import EFFECT_COLOURS, label, link, moment, outcome_label, short
from commands.admin.verbform import VerbForm
from commands.arguments import signature
from commands.interpreters import interpreter
from commands.kinds import kinds_by_field
from commands.mapfile.entries import verb_entry
from commands.models import ActionVerb, Execution, Rule, Tag, Verb
from commands.web.text import visible

EXECUTIONS = 8
INTERPRETER_RIGHT = "commands.shell_verb"


@admin.register(Verb)
class VerbAdmin(ArgvPage, ConsolePages, MapFilePages, ConfirmedHistoryAdmin):
    form = VerbForm
    inlines = (SignatureInline,)
    empty_text = "No verb yet: there is nothing that anybody could run. Add one, then a rule that says who may run it."
    list_display = ("name", "kind_name", "mode_label", "description", "usage", "tag_names", "enabled", "mail")
    list_filter = (
        ("tags", RelatedDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("mode", ChoicesDropdownFilter),
        ("transcript", ChoicesDropdownFilter),
        ("enabled", BooleanRadioFilter),
    )
    search_fields = ("name", "description", "tags__name")
    search_help_text = "Name, description or tag"
    actions_list = ("map_file", "changes")
    change_form_template = "admin/verb.html"
    change_form_outer_before_template = "admin/lock_panel.html"
    change_form_outer_after_template = "admin/related_tables.html"
    fieldsets = (
        (None, {"fields": ("name", "description", "enabled", "tags")}),
        (
            "What runs",
            {
                "fields": (
                    *("kind", "argv", "environment", "send_stderr"),
                    *("address", "preamble", "connect_limit", "plugin"),
                ),
                "description": "Each kind has its own fields; those of the others are emptied.",
                "classes": ("what-runs",),
            },
        ),
        ("How it is called", {"fields": ("mode", "takes_input", "changes_mail")}),
        (
            "Limits of one execution",
            {
                "fields": (("time_limit", "idle_limit"), ("output_limit", "input_limit")),
                "description": "Past one of them the execution is ended.",
                "classes": ("after-signatures",),
            },
        ),
        (
            "What is recorded",
            {
                "fields": ("transcript", "redactions"),
                "description": "That it ran, by whom and with which arguments is always recorded. This is of what it "
                "reads and writes; secret arguments are in neither.",
                "classes": ("after-signatures",),
            },
        ),
    )
    autocomplete_fields = ("tags",)
    conditional_fields = {
        field: " || ".join(f"kind == '{name}'" for name in names) for field, names in kinds_by_field().items()
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verb]:
        return super().get_queryset(request).prefetch_related("signatures__parameters", "tags")

    def get_form(self, request: HttpRequest, obj: Verb | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.may_name_interpreter = request.user.has_perm(INTERPRETER_RIGHT)
        return form

    def _may_revert(self, request: HttpRequest, row: Any, newest: int | None) -> bool:
        """Not to a shell that the form would refuse."""
        return super()._may_revert(request, row, newest) and (
            row.kind != "program"
            or not row.argv
            or not interpreter(row.argv[0])
            or request.user.has_perm(INTERPRETER_RIGHT)
            or Verb.objects.filter(pk=row.id, kind="program", argv=row.argv).exists()
        )

    def save_model(self, request: HttpRequest, obj: Verb, form: "ModelForm[Verb]", change: bool) -> None:
        """Nothing yet: with tags and signatures it is one change, which `save_related` makes."""

    def save_related(self, request: HttpRequest, form: "ModelForm[Verb]", formsets: Any, change: bool) -> None:
        verb = form.instance
        before = verb_entry(Verb.objects.get(pk=verb.pk)) if change else None
        with verb.without_history():
            verb.save()
            super().save_related(request, form, formsets, change)
        if verb_entry(Verb.objects.get(pk=verb.pk)) != before:
            verb.add_version(is_new=not change)

    @admin.display(description="kind", ordering="kind")
    def kind_name(self, verb: Verb) -> str:
        return verb.kind

    @admin.display(description="mode", ordering="mode")
    def mode_label(self, verb: Verb) -> SafeString:
        return label(verb.mode, "primary" if verb.mode == Verb.Mode.INTERACTIVE else None)

    @admin.display(description="may change mail", ordering="changes_mail")
    def mail(self, verb: Verb) -> str:
        return "yes" if verb.changes_mail else ""

    @admin.display(description="tags")
    def tag_names(self, verb: Verb) -> str:
        return ", ".join(tag.name for tag in verb.tags.all())

    @admin.display(description="usage")
    def usage(self, verb: Verb) -> SafeString:
        signatures = [row.matcher() for row in verb.signatures.all()]
        return short(signature.usage(signatures, verb.takes_input) or "(no arguments)", 80, wraps=True)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Context | None = None) -> HttpResponse:
        context: Context = {"argv_url": reverse("admin:commands_verb_argv"), **(extra_context or {})}
        return super().add_view(request, form_url, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Context | None = None
    ) -> HttpResponse:
        context: Context = extra_context or {}
        verb = self.get_object(request, object_id)
        if verb:
            if self.has_change_permission(request, verb):
                context["argv_url"] = reverse("admin:commands_verb_argv")
            context["verb_links"] = links(request, verb)
            context["locks"] = lock_panel(request, verb=verb)
            context["tables"] = [
                *([who_may_run(verb)] if may_view(request, Rule) else []),
                *([last_executions(verb)] if may_view(request, Execution) else []),
            ]
        return super().change_view(request, object_id, form_url, context)


def links(request: HttpRequest, verb: Verb) -> list[tuple[str, str]]:
    """Addresses and texts of the pages about the verb that one may open."""
    found = []
    if may_view(request, Rule):
        found.append((f"{reverse('admin:commands_rule_explain_verb')}?verb={verb.name}", "Who may run it"))
    if may_view(request, Execution):
        found.append((f"{reverse('admin:commands_execution_changelist')}?verb={verb.name}", "Executions"))
    found.append((reverse("admin:commands_verb_history", args=[verb.pk]), "History and differences"))
    return found


def who_may_run(verb: Verb) -> RelatedTable:
    """Return the rules that concern the verb, those for all verbs among them."""
    rules = Rule.objects.filter(Q(verb=verb) | Q(all_verbs=True) | Q(tag__in=verb.tags.all())).select_related(
        "user", "group", "verb", "tag"
    )
    return RelatedTable(
        title="Who may run it",
        headers=("Effect", "Who", "Verb", "State", "Reason"),
        rows=[_row(rule) for rule in rules],
        empty_text="No rule speaks of this verb: nobody may run it.",
        links=[
            (f"{reverse('admin:commands_rule_add')}?verb={verb.pk}", "Add a rule for this verb"),
            (f"{reverse('admin:commands_rule_explain_verb')}?verb={verb.name}", "User by user"),
            (f"{reverse('admin:commands_rule_explain')}?verb={verb.name}", "Explain a call"),
        ],
    )


def last_executions(verb: Verb) -> RelatedTable:
    executions = Execution.objects.filter(verb=verb.name).order_by("-started")[:EXECUTIONS]
    return RelatedTable(
        title="Last executions",
        headers=("Started", "User", "Arguments", "Outcome"),
        rows=[
            [
                link(execution, moment(execution.started)),
                visible(execution.username),
                short(execution.arguments_text),
                outcome_label(execution.outcome, execution.exit_code),
            ]
            for execution in executions
        ],
        empty_text="It has not been run yet.",
        links=[(f"{reverse('admin:commands_execution_changelist')}?verb={verb.name}", "All of them")],
    )


def _row(rule: Rule) -> list[Any]:
    verb = "all verbs" if rule.all_verbs else f"tag {rule.tag}" if rule.tag_id else rule.verb
    state = "enabled" if rule.enabled else "disabled"
    who = link(rule, visible(rule.subject_text))
    return [label(rule.effect, EFFECT_COLOURS[rule.effect]), who, verb, state, visible(rule.reason)]


@admin.register(Tag)
class TagAdmin(ModelAdmin):
    empty_text = "No tag yet. Add one to let rules speak of several verbs at once."
    list_display = ("name", "description")
    search_fields = ("name", "description")
    search_help_text = "Name or description"


@admin.register(ActionVerb)
class ActionVerbAdmin(ModelAdmin):
    empty_text = "No action verb yet: clients write EXECUTE before each verb. Add one, such as ADD, to save them that."
    search_fields = ("name",)
    search_help_text = "Name"
