"""Times on pages: to the second in the server's zone, until the browser puts them into the viewer's."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from commands.admin.text import moment

AT = datetime(2026, 11, 24, 23, 30, 31, 123456, tzinfo=UTC)


def test_time_has_the_exact_one_for_machines_and_to_point_at() -> None:
    assert moment(AT) == (
        '<time class="whitespace-nowrap" datetime="2026-11-24T23:30:31.123456+00:00"'
        ' title="2026-11-24 23:30:31.123456 UTC">2026-11-24 23:30:31</time>'
    )


def test_time_elsewhere_than_in_utc_says_both() -> None:
    with timezone.override("Europe/Berlin"):
        shown = moment(AT)
    assert ' title="2026-11-24 23:30:31.123456 UTC, 00:30:31 Europe/Berlin">2026-11-25 00:30:31<' in shown


@pytest.mark.parametrize(("zone", "short"), [("UTC", "UTC"), ("Asia/Tokyo", "JST")])
def test_page_says_which_zone_its_times_and_its_days_are_in(
    admin_client: Client, settings: Any, zone: str, short: str
) -> None:
    settings.TIME_ZONE = zone
    page = admin_client.get("/admin/commands/execution/").content.decode()
    assert f"days in {zone}" in page
    assert f"<span data-zone>{short}</span>" in page
