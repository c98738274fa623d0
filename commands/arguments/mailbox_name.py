"""Names of mailboxes as clients write them: in modified UTF-7 (RFC 3501 section 5.1.3) or in UTF-8 (RFC 6855). Pure."""

import base64
import binascii
import re

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_mailbox_name(text: str) -> bool:
    """Whether a mailbox can be called so. No control may be in it, nor hidden in the UTF-7 of it."""
    return bool(text) and not _CONTROL.search(text) and not _CONTROL.search(decode(text))


def decode(text: str) -> str:
    """The name in Unicode. Anything that is no modified UTF-7 stands for itself, as it does in a name in UTF-8."""
    return _SHIFTED.sub(_decode_shifted, text)


def plain(text: str) -> str:
    """The same for all ways to write one mailbox: in Unicode, INBOX in capitals (RFC 9051 section 5.1)."""
    name = decode(text)
    return "INBOX" if name.upper() == "INBOX" else name


def _decode_shifted(found: re.Match[str]) -> str:
    encoded = found[1].replace(",", "/")
    if not encoded:
        return "&"
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
