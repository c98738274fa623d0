"""How values look in lists and on pages."""

import datetime
from typing import Any

from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from commands.outcome import Outcome
from commands.web.text import visible

RUNNING = "running"

# Green for what went well, red for what was refused or failed, orange for what was cut short.
OUTCOME_COLOURS = {
    RUNNING: "info",
    Outcome.OK.value: "success",
    Outcome.ACCEPTED.value: "success",
    Outcome.EXIT.value: "success",
    Outcome.FAILED.value: "danger",
    Outcome.NOPERM.value: "danger",
    Outcome.NOVERB.value: "danger",
    Outcome.SIGNAL.value: "danger",
    Outcome.UNAVAILABLE.value: "danger",
    Outcome.ERROR.value: "danger",
    Outcome.USAGE.value: "warning",
    Outcome.LIMIT.value: "warning",
    Outcome.LOGOUT.value: "success",
    Outcome.LOCKED_OUT.value: "danger",
    Outcome.PRIVACY.value: "danger",
    Outcome.UNPARSABLE.value: "danger",
    Outcome.REVOKED.value: "danger",
    Outcome.ENDED.value: "danger",
    Outcome.AUDIT_LOST.value: "danger",
    Outcome.LOST.value: "danger",
    Outcome.ENGINE_LOST.value: "danger",
    Outcome.CANCELED.value: "warning",
    Outcome.TIMEOUT.value: "warning",
    Outcome.CANNOT.value: "warning",
    Outcome.CLIENT_GONE.value: "warning",
    Outcome.SHUTDOWN.value: "warning",
}

# Those that are about what mail users did are grey: their outcome has the colour.
KIND_COLOURS = {"alert": "danger", "change": "primary", "view": "info"}

EFFECT_COLOURS = {"allow": "success", "deny": "danger", "limit": "warning"}


def short(text: str, width: int = 40, *, wraps: bool = False) -> SafeString:
    """Return `text` cut to the width of a list's column, in characters; the row's own page has all of it.

    `wraps`: in several lines where the window is too narrow for one.
    """
    shown = visible(text)
    column, hint = Truncator(shown).chars(width), Truncator(shown).chars(400)
    return format_html('<span class="{}" title="{}">{}</span>', "" if wraps else "block truncate", hint, column)


def moment(at: datetime.datetime) -> SafeString:
    """Return a time to the second, with the exact one to point at. imapx/times.js puts it into the viewer's zone."""
    here, exact = timezone.localtime(at), at.astimezone(datetime.UTC)
    title = f"{exact:%Y-%m-%d %H:%M:%S.%f} UTC"
    if here.utcoffset():
        title += f", {here:%H:%M:%S} {timezone.get_current_timezone_name()}"
    return format_html(
        '<time class="whitespace-nowrap" datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        title,
        f"{here:%Y-%m-%d %H:%M:%S}",
    )


def label(text: str, colour: str | None) -> SafeString:
    """Return `text` on a colour of unfold's: info, success, warning, danger, primary; None is grey."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": colour})


def kind_label(kind: str) -> SafeString:
    return label(kind, KIND_COLOURS.get(kind))


def outcome_label(outcome: str, exit_code: int | None) -> SafeString:
    """Return an outcome in its colour, with the exit status or the number of the signal; empty is still running."""
    if outcome == Outcome.EXIT and exit_code:
        return label(f"{outcome} {exit_code}", "warning")
    has_code = exit_code is not None and outcome in (Outcome.EXIT, Outcome.SIGNAL)
    text = f"{outcome} {exit_code}" if has_code else outcome
    return label(visible(text) or RUNNING, OUTCOME_COLOURS.get(outcome or RUNNING))


def link(obj: models.Model, text: Any) -> SafeString:
    """Return a link to the admin page of `obj`."""
    address = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])
    return format_html('<a href="{}" class="text-link">{}</a>', address, text)
