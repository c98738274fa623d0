"""What a page costs does not grow unseen: queries of the database, and bytes on the way to the browser."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

PAGES = {
    "": 30,
    "commands/verb/": 10,
    "commands/verb/{verb}/change/": 32,
    "commands/rule/": 12,
    "commands/execution/": 10,
    "commands/execution/{execution}/change/": 12,
    "commands/auditevent/": 10,
    "commands/connection/": 12,
    "commands/lock/": 10,
    "auth/user/": 10,
}
"""With the session's and the user's, which each page reads."""

BYTES = 160_000


@pytest.mark.parametrize("page", PAGES)
def test_page_takes_few_queries_and_is_small(
    admin_client: Client,
    rows: dict[str, Any],
    page: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    address = page.format(verb=rows["commands/verb"].pk, execution=rows["commands/execution"].pk)
    admin_client.get("/admin/")  # what is read once for all of a process is no page's
    with django_assert_max_num_queries(PAGES[page]):
        response = admin_client.get(f"/admin/{address}")
    assert response.status_code == 200
    assert len(response.content) < BYTES
