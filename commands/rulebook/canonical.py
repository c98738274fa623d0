"""What people write into a rule, in the one form in which it is kept. Pure; ValueError says what was expected."""

import ipaddress
import re

from commands.conditions import DAYS

YEARS = range(2, 9999)
"""Of moments: next to the first and the last that there are, there is none in some zones."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def domain(text: str) -> str:
    """`@Example.ORG.` is `example.org`. As users' names write it: no encoding of other letters is guessed."""
    name = text.strip().removeprefix("@").removesuffix(".").lower()
    if not _DOMAIN.fullmatch(name) or len(name) > 253:
        raise ValueError(
            "Give what follows the '@' of users' names: example.org. Only ASCII letters, digits, '-', '.'."
        )
    return name


def network(text: str) -> str:
    """`192.0.2.9/24` is `192.0.2.0/24`, `192.0.2.7/32` is `192.0.2.7`; an IPv4 address in IPv6 is the IPv4 one."""
    try:
        found = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise ValueError(
            f"{text.strip()} is no network and no address: 192.0.2.0/24, 2001:db8::/32, 192.0.2.7."
        ) from error
    mapped = found.network_address.ipv4_mapped if isinstance(found, ipaddress.IPv6Network) else None
    if mapped is not None and found.prefixlen >= 96:
        found = ipaddress.ip_network((mapped, found.prefixlen - 96))
    is_address = found.prefixlen == found.max_prefixlen
    return str(found.network_address) if is_address else str(found)


def networks(text: str) -> str:
    """Some networks, with spaces or commas between: each once, in their order."""
    return " ".join(dict.fromkeys(map(network, _words(text))))


def weekdays(text: str) -> str:
    """`Fri, mon-wed` is `mon tue wed fri`."""
    days: set[int] = set()
    for word in _words(text.lower()):
        first, _, last = word.partition("-")
        try:
            start, end = DAYS.index(first), DAYS.index(last or first)
        except ValueError as error:
            raise ValueError(f"{word} is no day: {' '.join(DAYS)}, or mon-fri.") from error
        days |= {day % 7 for day in range(start, end + 1 if start <= end else end + 8)}
    return " ".join(DAYS[day] for day in sorted(days))


def weekdays_in_short(text: str) -> str:
    """`mon tue wed fri` is `mon-wed fri`; what is no list of days stays as it is."""
    words = text.split()
    if not set(words) <= set(DAYS):
        return text
    runs: list[list[int]] = []
    for day in sorted(map(DAYS.index, words)):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return " ".join(f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 1 else DAYS[run[0]] for run in runs)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
