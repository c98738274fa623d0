"""Which pages there are: every address of the site but those of a list. A new one is a page until it is in there."""

import re
from typing import Any

from django.urls import get_resolver

from tests.commands.admin.test_urls import walk
from tests.support.server import Server

NO_PAGE = re.compile(
    r"""
    ^$ | ^health | ^metrics                              # leads to the overview; not for people
    | logout/$ | jsi18n/$ | autocomplete/$ | admin/search/$ | ^admin/r/ | ^admin/\(
    | <path:object_id>/$                                 # leads to the page for a change
    | /(revert/<int:version>|now|lift|argv|recovery-codes)/$ # by POST alone
    | ^me/(end|disconnect|lock|lift)/                     # by POST alone
    | /(data|search|download)/$ | <str:form>/$           # read by the replay's script; files
    | (execution|auditevent)/(add|<path:object_id>/delete)/$  # what is recorded is never added or deleted
    """,
    re.VERBOSE,
)


def pages() -> list[str]:
    """Routes of all pages."""
    return sorted({route for route in walk(get_resolver()) if not NO_PAGE.search(route)})


TABLES = {
    "auth/user": ("auth_user", "username = 'demo'"),
    "auth/group": ("auth_group", "name = 'staff'"),
    "commands/verb": ("commands_verb", "name = 'calendar'"),
    "commands/execution": ("commands_execution", "verb = 'calendar'"),
}
"""Which row is looked at; of other models, the first."""


def address(route: str, server: Server) -> str:
    """The route with a row of the server's in it."""
    route = re.sub(r"\^\(\?P<app_label>.*", "commands/", route)
    model = "/".join(route.removeprefix("admin/").split("/")[:2])
    if "<" in route:
        table, condition = TABLES.get(model, (model.replace("/", "_"), "1 = 1"))
        ((key,), *_) = server.query(f"SELECT id FROM {table} WHERE {condition} ORDER BY id")
        route = re.sub(r"<(path:object_id|uuid:\w+|int:pk|id)>", _text(key), route)
    return f"/{route}"


def _text(key: Any) -> str:
    """SQLite keeps a UUID without its hyphens; addresses take both."""
    text = str(key)
    return re.sub(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", text) if len(text) == 32 else text
