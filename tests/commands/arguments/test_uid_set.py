"""Sets of messages by UID: what a client may name, and how many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.arguments.uid_set import MAX_MESSAGES, uid_set


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        ("1", (1,)),
        ("1:4,7", (1, 2, 3, 4, 7)),
        ("4:1", (1, 2, 3, 4)),
        ("7,1:3,2,7", (1, 2, 3, 7)),
        ("4294967295", (4294967295,)),
        ("5:5", (5,)),
    ],
)
def test_each_message_is_named_once_and_in_order(text, uids):
    assert uid_set(text) == uids


@pytest.mark.parametrize(
    "text",
    [
        *["", "*", "1:*", "0", "0:3", "01", "1,", ",1", "1:", ":1", "1:2:3", "1 2", "-1", "1\n", "$", "٣"],
        *["4294967296", "1:99999999999"],
    ],
)
def test_what_is_no_set_of_uids_is_refused(text):
    assert uid_set(text) is None


@pytest.mark.parametrize("text", ["1:4294967295", "1:1001", "1:600,601:1001", "1:1000,5000"])
def test_more_messages_than_the_limit_are_refused(text):
    assert uid_set(text) is None


def test_limit_counts_messages_and_not_how_often_they_are_named():
    assert len(uid_set("1:1000,1:1000,500") or ()) == MAX_MESSAGES


@given(st.text(alphabet="0123456789:,*", max_size=12))
def test_set_is_sorted_and_within_its_bounds(text):
    uids = uid_set(text)
    assert uids is None or (list(uids) == sorted(set(uids)) and uids[0] > 0 and len(uids) <= MAX_MESSAGES)
