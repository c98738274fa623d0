from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    TextFilter,
)

from commands.admin.base import LongChangeList
from commands.admin.explain import ExplainPages
from commands.admin.history import HistoryAdmin
from commands.admin.ruleform import RuleForm
from commands.admin.text import EFFECT_COLOURS, label
from commands.models import Rule
from commands.rulebook import rule_words
from commands.rulebook.rule_check import NUMBERS

IS_LIMIT = f"effect == '{Rule.Effect.LIMIT.value}'"


class DomainFilter(TextFilter):
    """By the whole domain, typed in: that is what is found by an index."""

    title = "mail domain"
    parameter_name = "domain"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = (self.value() or "").strip().lower().removeprefix("@")
        return queryset.filter(domain=value) if value else queryset


@admin.register(Rule)
class RuleAdmin(ExplainPages, HistoryAdmin):
    empty_text = "No rule yet: nobody may run anything. Add one that allows a user, a group or everyone a verb."
    form = RuleForm
    list_display = ("effect_label", "subject", "verb_or_all", "when", "enabled", "reason")
    list_display_links = ("effect_label", "subject")
    list_filter = (
        ("effect", ChoicesDropdownFilter),
        ("user", AutocompleteSelectFilter),
        ("group", AutocompleteSelectFilter),
        DomainFilter,
        ("verb", AutocompleteSelectFilter),
        ("tag", AutocompleteSelectFilter),
        ("enabled", BooleanRadioFilter),
    )
    list_select_related = ("user", "group", "verb", "tag")
    # There may be a million of them: they are counted once for the pages, and not again for the whole or each filter.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    search_fields = ("user__username", "group__name", "domain", "verb__name", "tag__name", "reason")
    search_help_text = "User, group, domain, verb, tag or reason"
    autocomplete_fields = ("user", "group", "verb", "tag")
    conditional_fields = dict.fromkeys((*NUMBERS, "counted"), IS_LIMIT)
    fieldsets = (
        (
            None,
            {
                "fields": ("effect", *NUMBERS, "counted"),
                "description": (
                    "Where no rule allows, nothing runs. A deny beats every allow; the order of rules never matters. "
                    "A limit allows nothing: it says how often what is allowed may run."
                ),
            },
        ),
        ("Who", {"fields": ("user", "group", "domain", "everyone"), "description": "Exactly one of the four."}),
        ("What", {"fields": ("verb", "tag", "all_verbs"), "description": "Exactly one of the three."}),
        (
            "When it holds",
            {
                "fields": (
                    "arguments",
                    "networks",
                    "tls",
                    "mailbox",
                    "weekdays",
                    ("hours_from", "hours_until"),
                    "valid_from",
                    "valid_until",
                ),
                "description": (
                    "All that is given must be met; nothing given: always. Expressions must match the whole value. "
                    "An allow needs each value of a repeated argument to match, and case to be the same; for a deny "
                    "or a limit one value is enough, in any case."
                ),
            },
        ),
        ("Why", {"fields": ("reason", "enabled")}),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LongChangeList]:
        return LongChangeList

    @admin.display(description="effect", ordering="effect")
    def effect_label(self, rule: Rule) -> SafeString:
        return label(rule.effect, EFFECT_COLOURS[rule.effect])

    @admin.display(description="who")
    def subject(self, rule: Rule) -> str:
        return rule.subject_text

    @admin.display(description="verb")
    def verb_or_all(self, rule: Rule) -> str:
        return "all verbs" if rule.all_verbs else f"tag {rule.tag}" if rule.tag_id else str(rule.verb)

    @admin.display(description="when")
    def when(self, rule: Rule) -> str:
        return Truncator(", ".join(rule_words.details(rule)) or "always").chars(80)
