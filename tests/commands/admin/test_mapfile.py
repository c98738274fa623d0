"""The map as a file, in the browser: checked, compared, replayed and loaded by whom it is for."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from commands.models import Verb
from tests.commands.admin.conftest import make_event, make_verb

pytestmark = pytest.mark.history

PAGE = "/admin/commands/verb/map/"
MAP = 'version = 1\n[[verb]]\nname = "echo"\nargv = ["/bin/echo"]\n'


def post(client: Client, do: str, **fields: Any) -> str:
    return client.post(PAGE, {"do": do, "text": MAP} | fields, follow=True).content.decode()


def test_page_holds_the_map_as_it_is_and_is_reached_from_the_list(admin_client: Client, rows: dict[str, Any]) -> None:
    assert PAGE in admin_client.get("/admin/commands/verb/").content.decode()
    page = admin_client.get(PAGE).content.decode()
    assert "name = &quot;blacklist&quot;" in page
    download = admin_client.get(f"{PAGE}download/")
    assert download["Content-Disposition"] == 'attachment; filename="map.toml"'
    assert download.content.startswith(b"# Verbs and who may run them.")


def test_draft_is_compared_and_nothing_is_changed(admin_client: Client) -> None:
    page = post(admin_client, "compare")
    assert "+ verb echo: argv: [&quot;/bin/echo&quot;]" in page
    assert not Verb.objects.exists()


def test_all_faults_of_a_draft_are_shown(admin_client: Client) -> None:
    page = post(admin_client, "load", text=f"{MAP}time_limit = 0\n<b> = 1\n", reason="why")
    assert "This is no TOML" in page
    page = post(admin_client, "load", text=f"{MAP}time_limit = 0\nlimit = 1\n", reason="why")
    assert "time_limit: Ensure this value" in page
    assert "the key limit is not known" in page
    assert not Verb.objects.exists()


def test_uploaded_file_is_taken_instead_of_the_text(admin_client: Client) -> None:
    page = post(admin_client, "compare", text="no TOML", file=SimpleUploadedFile("map.toml", MAP.encode()))
    assert "+ verb echo" in page


def test_load_needs_a_reason_and_changes_the_map(admin_client: Client) -> None:
    assert "Say why" in post(admin_client, "load")
    assert not Verb.objects.exists()
    assert "Loaded: 1 change." in post(admin_client, "load", reason="first")
    version = Verb.history.get()
    assert (version.history_change_reason, version.history_user.username) == ("first", "admin")


def test_shadow_run_shows_what_would_come_out_otherwise(admin_client: Client) -> None:
    user = User.objects.create_user("ann")
    make_event((), kind="accept", outcome="accepted", verb="echo", actor_id=user.pk, rule="allow user ann: echo")
    page = post(admin_client, "replay")
    assert "1 attempt was decided again: 1 would come out otherwise" in page
    assert "accepted: allow user ann: echo" in page
    assert "noperm: no rule allows it" in page


def test_markup_in_a_draft_is_inert(admin_client: Client) -> None:
    hostile = "</textarea><script>alert(1)</script>"
    page = post(admin_client, "compare", text=f"{MAP}description = '{hostile}\u202e'\n")
    assert "<script>alert" not in page


VIEW = ("view_verb", "view_rule")
EDIT = ("change_verb", "change_rule")
LOAD = tuple(
    f"{deed}_{model}" for model in ("verb", "rule", "tag", "actionverb") for deed in ("add", "change", "delete")
)


@pytest.mark.parametrize(
    ("codenames", "opens", "replays", "loads"),
    [
        ((), False, False, False),
        (VIEW, False, False, False),
        (("change_verb",), False, False, False),
        (EDIT, True, False, False),
        ((*EDIT, "view_auditevent"), True, True, False),
        (LOAD, True, False, True),
    ],
)
def test_each_step_needs_its_permissions(
    client: Client, db: None, codenames: tuple[str, ...], opens: bool, replays: bool, loads: bool
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(clerk)
    make_verb("calendar")
    for page in (PAGE, f"{PAGE}download/"):
        assert client.get(page).status_code == (200 if opens else 403)
    assert client.post(PAGE, {"do": "compare", "text": MAP}).status_code == (200 if opens else 403)
    assert client.post(PAGE, {"do": "replay", "text": MAP}).status_code == (200 if replays else 403)
    assert client.post(PAGE, {"do": "load", "text": MAP, "reason": "x"}).status_code == (302 if loads else 403)
    assert Verb.objects.filter(name="echo").exists() is loads


def test_without_login_it_leads_to_the_login_page(client: Client, db: None) -> None:
    for page in (PAGE, f"{PAGE}download/", "/admin/commands/verb/changes/"):
        assert client.get(page)["Location"].startswith("/admin/login/")


def test_file_that_is_no_utf8_or_too_large_is_refused_and_not_mended(admin_client: Client, settings: Any) -> None:
    broken = MAP.replace("/bin/echo", "/bin/\xff").encode("latin-1")
    page = post(admin_client, "load", reason="why", file=SimpleUploadedFile("map.toml", broken))
    assert "This is no UTF-8" in page
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    page = post(admin_client, "load", reason="why", file=SimpleUploadedFile("map.toml", MAP.encode() + b"#" * 2000))
    assert "more than 2000 bytes" in page
    assert not Verb.objects.exists()
