from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, ChoicesDropdownFilter

from commands.admin.base import ModelAdmin
from commands.admin.text import EFFECT_COLOURS, label
from commands.models import Rule


@admin.register(Rule)
class RuleAdmin(ModelAdmin):
    empty_text = "No rule yet: nobody may run anything. Add one that allows a user, a group or everyone a verb."
    list_display = ("effect_label", "subject", "verb_or_all", "enabled", "reason")
    list_display_links = ("effect_label", "subject")
    list_filter = (
        ("effect", ChoicesDropdownFilter),
        ("user", AutocompleteSelectFilter),
        ("group", AutocompleteSelectFilter),
        ("verb", AutocompleteSelectFilter),
        ("enabled", BooleanRadioFilter),
    )
    list_select_related = ("user", "group", "verb", "tag")
    search_fields = ("user__username", "group__name", "verb__name", "reason")
    search_help_text = "User, group, verb or reason"
    autocomplete_fields = ("user", "group", "verb", "tag")
    radio_fields = {"effect": admin.HORIZONTAL}
    fieldsets = (
        (
            None,
            {
                "fields": ("effect",),
                "description": "A deny beats every allow. Where no rule allows, nothing runs.",
            },
        ),
        ("Who", {"fields": ("user", "group", "domain", "everyone"), "description": "Exactly one of the four."}),
        ("What", {"fields": ("verb", "tag", "all_verbs"), "description": "Exactly one of the three."}),
        ("Note", {"fields": ("enabled", "reason")}),
    )

    @admin.display(description="effect", ordering="effect")
    def effect_label(self, rule: Rule) -> SafeString:
        return label(rule.effect, EFFECT_COLOURS[rule.effect])

    @admin.display(description="who")
    def subject(self, rule: Rule) -> str:
        return rule.subject_text

    @admin.display(description="verb")
    def verb_or_all(self, rule: Rule) -> str:
        return "all verbs" if rule.all_verbs else f"tag {rule.tag}" if rule.tag_id else str(rule.verb)
