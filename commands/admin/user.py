from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, User
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from commands.admin.base import ModelAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(StockUserAdmin, ModelAdmin):
    """Users of mail and of these pages: a mail user needs no more than a name and a password."""

    empty_text = "No user yet: nobody can log in."
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "pages", "last_login")
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


@admin.register(Group)
class GroupAdmin(StockGroupAdmin, ModelAdmin):
    empty_text = "No group yet. A group lets one rule speak for many users."
    search_help_text = "Name"
