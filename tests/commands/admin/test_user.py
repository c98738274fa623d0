"""The page of a user."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from commands.models import Rule

pytestmark = pytest.mark.django_db(transaction=True)


def test_reason_of_a_rule_deceives_nobody(admin_client: Client) -> None:
    ann = User.objects.create_user("ann")
    Rule.objects.create(user=ann, all_verbs=True, reason="for \u202e<b>ann</b>")
    page = admin_client.get(f"/admin/auth/user/{ann.pk}/change/").content.decode()
    assert r"for \u202e&lt;b&gt;ann" in page
    assert "\u202e" not in page
