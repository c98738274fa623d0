"""Names of mailboxes: no control may pass, not even hidden in modified UTF-7."""

import pytest

from commands.arguments.mailbox_name import decode, is_mailbox_name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INBOX", "INBOX"),
        ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),  # RFC 3501 section 5.1.3
        ("R&-D", "R&D"),
        ("R&D", "R&D"),
        ("日本語", "日本語"),
        ("&x-", "&x-"),
        ("&2AA-", "&2AA-"),  # half a surrogate pair
    ],
)
def test_name_is_decoded_and_what_is_no_utf7_stands_for_itself(name, text):
    assert decode(name) == text
    assert is_mailbox_name(name)


@pytest.mark.parametrize("name", ["", "a\nb", "a\0", "\x7f", "a\u2028", "&AAo-", "a&AA0ACg-b", "&AAA-", "&ICg-"])
def test_control_is_refused_also_one_that_is_encoded(name):
    assert not is_mailbox_name(name)
