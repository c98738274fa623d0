from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from commands.admin.base import Context, ModelAdmin, RelatedTable, may_view
from commands.admin.confirm import ConfirmedAdmin
from commands.admin.ending import end_panel
from commands.admin.lock import lock_panel
from commands.admin.security import UserSecurityAdmin
from commands.admin.text import EFFECT_COLOURS, label, link, moment
from commands.models import Rule, Verb
from commands.web.text import visible

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(UserSecurityAdmin, StockUserAdmin, ModelAdmin):
    """Users of mail and of these pages: a mail user needs no more than a name and a password."""

    empty_text = "No user yet: nobody can log in."
    change_form_outer_before_template = "admin/user_before.html"
    change_form_outer_after_template = "admin/related_table.html"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "pages", "seen")
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("is_staff", BooleanRadioFilter),
        ("is_superuser", BooleanRadioFilter),
        ("groups", RelatedDropdownFilter),
    )
    search_help_text = "Name or e-mail address"
    autocomplete_fields = ("groups",)
    filter_horizontal = ("user_permissions",)
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active")}),
        ("Groups", {"fields": ("groups",), "description": "Rules may speak of them, and they may hold permissions."}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("These pages", {"fields": ("is_staff", "is_superuser")}),
        ("Single permissions", {"fields": ("user_permissions",), "classes": ("collapse",)}),
        ("Dates", {"fields": ("last_login", "date_joined"), "classes": ("collapse",)}),
    )

    @admin.display(description="these pages")
    def pages(self, user: User) -> str:
        return "superuser" if user.is_superuser else "staff" if user.is_staff else ""

    @admin.display(description="last login", ordering="last_login")
    def seen(self, user: User) -> str | SafeString:
        return moment(user.last_login) if user.last_login else ""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Context | None = None
    ) -> HttpResponse:
        context: Context = extra_context or {}
        user = self.get_object(request, object_id)
        if isinstance(user, User):
            context["locks"] = lock_panel(request, user=user)
            context |= end_panel(request, user)
            if may_view(request, Rule) and may_view(request, Verb):
                context["related"] = own_rules(user)
        return super().change_view(request, object_id, form_url, context)


def own_rules(user: User) -> RelatedTable:
    """Return the rules that name this user, and the way to all that decide about it."""
    rules = Rule.objects.filter(user=user).select_related("user", "group", "verb", "tag")
    return RelatedTable(
        title="Rules that name this user",
        headers=("Effect", "What", "State", "Reason"),
        rows=[
            [
                label(rule.effect, EFFECT_COLOURS[rule.effect]),
                link(rule, visible(str(rule).partition(": ")[2])),
                "enabled" if rule.enabled else "disabled",
                visible(rule.reason),
            ]
            for rule in rules
        ],
        empty_text="None: rules for groups, mail domains and everyone may speak of this user all the same.",
        links=[
            (
                f"{reverse('admin:commands_rule_explain_user')}?{urlencode({'user': user.get_username()})}",
                "What may this user run",
            )
        ],
    )


@admin.register(Group)
class GroupAdmin(ConfirmedAdmin, StockGroupAdmin, ModelAdmin):
    empty_text = "No group yet. A group lets one rule speak for many users."
    search_help_text = "Name"
