"""What a blacklist or whitelist holds, and how the spam filters write it down. No files here.

A pattern is an address, `*@DOMAIN` for all addresses of that domain, or `*.DOMAIN` for all addresses of all domains
below that one. There is no other wildcard: both filters mean the same by these three. Upper and lower case are the
same: RFC 5321 section 2.4 lets the part before the '@' be case-sensitive, but no mail system in use is, nor are the
filters.
"""

# RFC 5321 section 4.5.3.1.3: a path is at most 256 octets, the angle brackets counted.
ADDRESS_LENGTH = 254

LOCAL_PART_LENGTH = 64  # section 4.5.3.1.1

# White space and controls end a line or a word of the filters' files, '#' begins a comment there, '*' and '?'
# would make SpamAssassin take an address for a pattern. The rest need quotes, which the filters don't know.
FORBIDDEN = frozenset(b'*?#\\"<>()[],;:\x7f' + bytes(range(33)))

_ATEXT = r"[A-Za-z0-9!$%&'+/=^_`{|}~-]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

SIGNATURE = rf"(?:\*@|\*\.|{_ATEXT}(?:\.?{_ATEXT}){{0,63}}@){_LABEL}(?:\.{_LABEL})*"  # RFC 5322, RFC 1123
"""A pattern, as the map's signature may say it: stricter than `is_pattern` but for lengths, in which dots count."""

TO = b"to "  # before the pattern of a recipient, on an entry's line; one of a sender stands alone


def is_pattern(pattern: bytes) -> bool:
    """Whether the filters' files can hold it; the form of an address is for the map's signature to check."""
    # As an address that it stands for, to be checked like one.
    address = b"x@" + pattern[2:] if pattern.startswith((b"*@", b"*.")) else pattern
    local, at, domain = address.partition(b"@")
    return (
        bool(local and at and domain)
        and b"@" not in domain
        and not domain.startswith(b".")
        and len(address) <= ADDRESS_LENGTH
        and len(local) <= LOCAL_PART_LENGTH
        and not FORBIDDEN.intersection(address)
        and not address.startswith(b"-")
    )


def fold(entry: bytes) -> str:
    """The same for entries that differ in case alone."""
    return entry.decode(errors="surrogateescape").casefold()


def spamassassin(entries: list[bytes], name: str) -> list[bytes]:
    """Lines of Mail::SpamAssassin::Conf, for a configuration file or a user's own user_prefs.

    `blacklist_from` and so on: the names that every version knows, 4 too, which calls them `blocklist_from`.
    """
    return [b"%b_%b %b" % (name.encode(), *_split(entry)) for entry in entries]


def rspamd(entries: list[bytes], direction: bytes) -> list[bytes]:
    """The lines of a regexp map of the module multimap, of type `from` or `rcpt` as is `direction`, from or to.

    No glob map: in one of these any part of an address may match, so that joe@smith.com would be found in
    banjoe@smith.com.au, and case matters.
    """
    return [b"/^%b$/i" % _regexp(pattern) for side, pattern in map(_split, entries) if side == direction]


def _split(entry: bytes) -> tuple[bytes, bytes]:
    return (b"to", entry.removeprefix(TO)) if entry.startswith(TO) else (b"from", entry)


def _regexp(pattern: bytes) -> bytes:
    for wildcard, regexp in ((b"*@", b".+@"), (b"*.", rb".+@.+\.")):
        if pattern.startswith(wildcard):
            return regexp + _escape(pattern.removeprefix(wildcard))
    return _escape(pattern)


def _escape(text: bytes) -> bytes:
    """For PCRE: a backslash before what is neither a letter nor a digit, and may stand before any such ASCII."""
    return b"".join(b"\\%c" % c if c < 128 and not chr(c).isalnum() and c not in b"@_" else b"%c" % c for c in text)
