"""What a page costs does not grow unseen: queries of the database, and bytes on the way to the browser."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

PAGES = {
    "": 24,
    "commands/verb/": 10,
    "commands/verb/{verb}/change/": 22,
    "commands/rule/": 7,
    "commands/execution/": 7,
    "commands/execution/{execution}/change/": 12,
    "commands/auditevent/": 7,
    "commands/connection/": 7,
    "commands/lock/": 8,
    "auth/user/": 8,
}
"""With the session's and the user's, which each page reads."""

BYTES = 160_000
FORM_BYTES = 320_000
"""Of the verb's form, which has an empty row of each kind to copy."""


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
    assert len(response.content) < (FORM_BYTES if "{verb}" in page else BYTES)
