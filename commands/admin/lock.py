"""Locks: their list, and the panel that locks and unlocks in one click from the page of what it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from commands import locks
from commands.admin.base import Context
from commands.admin.history import HistoryAdmin
from commands.admin.text import label, moment
from commands.locks import Target
from commands.models import Execution, Lock, Verb
from commands.web.text import visible


@dataclass(frozen=True)
class StandingLock:
    key: int
    reason: str
    until: datetime | None


@dataclass(frozen=True)
class LockPanel:
    """For `admin/lock_panel.html`: what may be locked, and the locks that stand on it."""

    target: str
    fields: Sequence[tuple[str, Any]]
    locks: Sequence[StandingLock]
    may_lock: bool
    may_unlock: bool


def lock_panel(request: HttpRequest, **target: Any) -> list[LockPanel]:
    """For one of `user=`, `verb=`, `network=`, `everything=True`; none for who may neither lock nor unlock it.

    Put it, or several of them, into the page's context as `locks`."""
    may_lock, may_unlock = request.user.has_perm("commands.add_lock"), request.user.has_perm("commands.delete_lock")
    if not (may_lock or may_unlock):
        return []
    about = Target(**target)
    fields = [(name, getattr(value, "pk", value)) for name, value in target.items()]
    standing = [StandingLock(lock.pk, visible(lock.reason), lock.until) for lock in about.locks if locks.stands(lock)]
    return [LockPanel(visible(str(about)), fields, standing, may_lock, may_unlock)]


def execution_locks(request: HttpRequest, execution: Execution) -> list[LockPanel]:
    """For its user, its verb and its address, as far as they are still there."""
    targets: list[dict[str, Any]] = [
        *({"user": user} for user in User.objects.filter(pk=execution.user_id)),
        *({"verb": verb} for verb in Verb.objects.filter(name=execution.verb)),
    ]
    if execution.remote_addr:
        targets.append({"network": execution.remote_addr})
    return [panel for target in targets for panel in lock_panel(request, **target)]


class TargetForm(forms.Form):
    """What the panel sends."""

    user = forms.ModelChoiceField(User.objects.all(), required=False)
    verb = forms.ModelChoiceField(Verb.objects.all(), required=False)
    network = forms.CharField(required=False, max_length=64)
    everything = forms.BooleanField(required=False)
    reason = forms.CharField(required=False, max_length=200)


@admin.register(Lock)
class LockAdmin(HistoryAdmin):
    """A lock is made or lifted, never changed."""

    can_revert = False

    empty_text = (
        "Nothing is locked. A lock stops a user, a verb, a network or everything at once, whatever the rules say."
    )
    list_display = ("covers_text", "state", "reason_text", "ends", "made", "made_by_text", "unlock")
    list_display_links = ("covers_text",)
    list_select_related = ("user", "verb")
    list_before_template = "admin/lock_panel.html"
    search_fields = ("user__username", "verb__name", "network", "reason", "made_by")
    search_help_text = "User, verb, network, reason or who made it"
    autocomplete_fields = ("user", "verb")
    readonly_fields = ("made_at", "made_by")
    fieldsets = (
        (
            "What is locked",
            {
                "fields": ("user", "verb", "network", "everything"),
                "description": "Exactly one of the four. What it covers and runs now is ended within a second.",
            },
        ),
        ("Note", {"fields": ("reason", "until", "made_at", "made_by")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Lock | None = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Lock | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None:
            return fieldsets
        return (fieldsets[0], ("Note", {"fields": ("reason", "until")}))

    def save_model(self, request: HttpRequest, obj: Lock, form: Any, change: bool) -> None:
        obj.made_by = request.user.get_username()
        super().save_model(request, obj, form, change)
        self._tell(request, obj)

    # Its pages

    def get_urls(self) -> list[URLPattern]:
        return [
            path("now/", self.admin_site.admin_view(self.lock_now), name="commands_lock_now"),
            path("<int:pk>/lift/", self.admin_site.admin_view(self.lift), name="commands_lock_lift"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Context | None = None) -> HttpResponse:
        # To change none is no reason to see none.
        context: Context = {"locks": lock_panel(request, everything=True), **(extra_context or {})}
        return super().changelist_view(request, context)

    @method_decorator(require_POST)
    def lock_now(self, request: HttpRequest) -> HttpResponse:
        """The panel's Lock: one click."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        made_by = request.user.get_username()
        form = TargetForm(request.POST)
        try:
            if not form.is_valid():
                raise ValidationError([error for errors in form.errors.values() for error in errors])
            given = form.cleaned_data
            reason = given.pop("reason").strip() or f"locked by {made_by}, in one click"
            self._tell(request, locks.make(Target(**given), reason, made_by))
        except ValidationError as error:
            messages.error(request, f"Not locked: {' '.join(error.messages)}")
        return self._back(request)

    @method_decorator(require_POST)
    def lift(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Unlock: one click."""
        lock = get_object_or_404(Lock.objects.select_related("user", "verb"), pk=pk)
        if not self.has_delete_permission(request, lock):
            raise PermissionDenied
        text = f"lock {lock.pk}: {visible(str(lock))}"
        self.log_deletions(request, Lock.objects.filter(pk=lock.pk))
        lock.delete()
        messages.success(request, f"Lifted {text}.")
        return self._back(request)

    def _tell(self, request: HttpRequest, lock: Lock) -> None:
        ending = len(locks.running(lock))
        what = f"{ending} running, ended within a second" if ending else "nothing that it covers was running"
        messages.warning(request, f"Lock {lock.pk} stands: {visible(str(lock))}; {what}.")

    def _back(self, request: HttpRequest) -> HttpResponse:
        address = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
            address = reverse("admin:commands_lock_changelist")
        return HttpResponseRedirect(address)

    # Columns

    @admin.display(description="locked")
    def covers_text(self, lock: Lock) -> str:
        return visible(lock.covers)

    @admin.display(description="state")
    def state(self, lock: Lock) -> SafeString:
        return label("stands", "danger") if locks.stands(lock) else label("is over", None)

    @admin.display(description="reason")
    def reason_text(self, lock: Lock) -> str:
        return visible(lock.reason)

    @admin.display(description="until", ordering="until")
    def ends(self, lock: Lock) -> str | SafeString:
        return moment(lock.until) if lock.until else "it is lifted"

    @admin.display(description="made by", ordering="made_by")
    def made_by_text(self, lock: Lock) -> str:
        return visible(lock.made_by)

    @admin.display(description="made", ordering="made_at")
    def made(self, lock: Lock) -> SafeString:
        return moment(lock.made_at)

    @admin.display(description="Unlock")
    def unlock(self, lock: Lock) -> SafeString:
        # Of the list's own form, which has the token: a form can't stand in another one.
        return format_html(
            '<button type="submit" formmethod="post" formaction="{}" class="cursor-pointer text-link">Unlock</button>',
            reverse("admin:commands_lock_lift", args=[lock.pk]),
        )

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        shown = super().get_list_display(request)
        return shown if self.has_delete_permission(request) else [name for name in shown if name != "unlock"]
