"""What pages may load and run: files of ours. And that a view which says nothing is closed."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from commands.models import Rule, Verb

pytestmark = pytest.mark.django_db(transaction=True)

INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*\btype=\"application/json\")[^>]*>|<style(?![^>]*\bnonce=)|<[^>]*\sstyle=|<[^>]*\son\w+=|javascript:",
    re.IGNORECASE,
)


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open to all")


urlpatterns = [path("bare/", bare), path("", include("imapx_site.urls"))]


@pytest.fixture
def client(settings: Any) -> Client:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def policy_of(response: Any) -> dict[str, list[str]]:
    directives = (each.split() for each in response["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in directives}


def test_policy_allows_files_of_ours_and_nothing_that_is_written_into_a_page(client: Client) -> None:
    policy = policy_of(client.get("/admin/"))
    assert (
        policy["default-src"] == policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    )
    assert policy["script-src"] == policy["connect-src"] == policy["form-action"] == ["'self'"]
    assert policy["style-src"][0] == "'self'"
    assert policy["style-src"][1].startswith("'nonce-")
    assert "unsafe" not in str(policy)


def test_nonce_is_another_one_each_time_and_that_of_the_page(client: Client) -> None:
    pages = [client.get("/admin/") for _ in range(2)]
    nonces = [policy_of(page)["style-src"][1].removeprefix("'nonce-").removesuffix("'") for page in pages]
    assert nonces[0] != nonces[1]
    assert all(f'nonce="{nonce}"' in page.content.decode() for nonce, page in zip(nonces, pages, strict=True))


@pytest.mark.parametrize("page", ["", "{}/", "add/", "{}/change/", "{}/delete/", "{}/history/"])
@pytest.mark.parametrize("model", ["commands/verb", "commands/rule", "commands/lock", "auth/user", "auth/group"])
def test_pages_have_no_inline_script_and_no_style_without_nonce(client: Client, model: str, page: str) -> None:
    verb = Verb.objects.create(name="list", argv=["/bin/true"])
    Rule.objects.create(everyone=True, verb=verb)
    answer = client.get(f"/admin/{model}/{page.format(1)}", follow=True)
    assert INLINE.findall(answer.content.decode()) == []


@pytest.mark.urls(__name__)
def test_view_that_says_nothing_about_logins_is_closed(client: Client) -> None:
    assert client.get("/bare/").content == b"open to all"
    answer = Client().get("/bare/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/bare/")
