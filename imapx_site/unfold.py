"""How the admin looks: unfold's settings."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _page(title: str, icon: str, model: str, *, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """A sidebar entry, shown to those who may view the model (`app.model`).

    `but`: where those pages below its own begin that have entries of their own.
    """
    app, name = model.split(".")
    link = reverse_lazy(f"admin:{app}_{name}_changelist")

    def may_view(request: HttpRequest) -> bool:
        return request.user.has_perm(f"{app}.view_{name}") or request.user.has_perm(f"{app}.change_{name}")

    def is_open(request: HttpRequest) -> bool:
        return request.path.startswith(str(link)) and not request.path.startswith(
            tuple(f"{link}{each}" for each in but)
        )

    return {"title": title, "icon": icon, "link": link, "permission": may_view, "active": is_open}


def _may_explain(request: HttpRequest) -> bool:
    return request.user.has_perms(("commands.view_rule", "commands.view_verb"))


def _may_read_map(request: HttpRequest) -> bool:
    return request.user.has_perms(("commands.change_verb", "commands.change_rule"))


def _may_see_live(request: HttpRequest) -> bool:
    return request.user.has_perm("commands.view_connection") or request.user.has_perm("commands.view_execution")


UNFOLD = {
    "SITE_TITLE": "IMAPX",
    "SITE_HEADER": "IMAPX",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("imapx/favicon.svg")},
    ],
    "STYLES": [lambda request: static("imapx/site.css")],
    "LOGIN": {"form": "commands.web.own.login.StaffForm"},
    "ACCOUNT": {
        "navigation": [
            {"title": "My own verbs and history", "link": reverse_lazy("own:home")},
            {"title": "Second factor", "link": reverse_lazy("security")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ],
    },
    "SITE_SUBHEADER": "applications over IMAP",
    "SITE_SYMBOL": "terminal",
    "SITE_URL": None,  # there is no site beside the admin to go back to
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "commands.admin.home.add_overview",
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .013 236.62)",
            "100": "oklch(95.1% .026 236.824)",
            "200": "oklch(90.1% .058 230.902)",
            "300": "oklch(82.8% .111 230.318)",
            "400": "oklch(74.6% .16 232.661)",
            "500": "oklch(68.5% .169 237.323)",
            "600": "oklch(54% .14 242)",
            "700": "oklch(50% .134 242.749)",
            "800": "oklch(44.3% .11 240.79)",
            "900": "oklch(39.1% .09 240.876)",
            "950": "oklch(29.3% .066 243.157)",
        },
    },
    "SIDEBAR": {
        "navigation": [
            {
                "title": "",
                "items": [
                    {"title": "Overview", "icon": "home", "link": reverse_lazy("admin:index")},
                    {
                        "title": "Live",
                        "icon": "sensors",
                        "link": reverse_lazy("admin:commands_connection_changelist"),
                        "permission": _may_see_live,
                    },
                    {"title": "Console", "icon": "keyboard", "link": reverse_lazy("admin:commands_verb_console")},
                ],
            },
            {
                "title": "Map",
                "items": [
                    _page("Verbs", "terminal", "commands.verb", but=("map/", "console/")),
                    _page("Action verbs", "bolt", "commands.actionverb"),
                    _page("Tags", "label", "commands.tag"),
                    _page("Rules", "gavel", "commands.rule", but=("explain/",)),
                    {
                        "title": "Explain",
                        "icon": "help",
                        "link": reverse_lazy("admin:commands_rule_explain"),
                        "permission": _may_explain,
                    },
                    _page("Locks", "lock", "commands.lock"),
                    {
                        "title": "Map file",
                        "icon": "description",
                        "link": reverse_lazy("admin:commands_verb_map_file"),
                        "permission": _may_read_map,
                    },
                ],
            },
            {
                "title": "People",
                "items": [
                    _page("Users", "person", "auth.user"),
                    _page("Groups", "group", "auth.group"),
                ],
            },
            {
                "title": "Record",
                "items": [
                    _page("Executions", "play_circle", "commands.execution"),
                    _page("Audit events", "fact_check", "commands.auditevent"),
                ],
            },
        ],
    },
}
