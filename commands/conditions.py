"""When a rule holds: conditions on arguments, network, TLS, mailbox and time. Pure."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time

from commands.expression import matches_all

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that are given must be met; one that is None or empty is not given.

    `arguments` are pairs of a parameter's name and an expression that matches all of each value of that name; an
    argument that was not given meets none. `mailbox` is such an expression too. `weekdays` count from Monday, 0.
    `hours` are from, until: past midnight where the second is the earlier; the second is not in them.
    """

    arguments: tuple[tuple[str, str], ...] = ()
    networks: tuple[Network, ...] = ()
    tls: bool | None = None
    mailbox: str = ""
    weekdays: frozenset[int] = frozenset()
    hours: tuple[time, time] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def unmet(
        self,
        arguments: Mapping[str, bytes | tuple[bytes, ...]],
        at: datetime,
        remote_addr: str | None,
        *,
        tls: bool,
        mailbox: str,
    ) -> str:
        """The first condition that is not met, in words; empty if all are."""
        if self is ANY:
            return ""
        return (
            self._unmet_by_time(at)
            or self._unmet_by_origin(remote_addr, tls)
            or self._unmet_by_arguments(arguments)
            or self._unmet_by_mailbox(mailbox)
        )

    def _unmet_by_time(self, at: datetime) -> str:
        if self.valid_from is not None and at < self.valid_from:
            return f"it holds from {_moment(self.valid_from, at)}"
        if self.valid_until is not None and at >= self.valid_until:
            return f"it held until {_moment(self.valid_until, at)}"
        if self.weekdays and at.weekday() not in self.weekdays:
            return f"it holds on {' '.join(DAYS[day] for day in sorted(self.weekdays))}"
        if self.hours is not None and not _within(self.hours, at.time()):
            return f"it holds from {self.hours[0]:%H:%M} to {self.hours[1]:%H:%M}"
        return ""

    def _unmet_by_origin(self, remote_addr: str | None, tls: bool) -> str:
        if self.tls is not None and self.tls is not tls:
            return "it holds by TLS alone" if self.tls else "it holds without TLS alone"
        if self.networks and not _is_in(self.networks, remote_addr):
            return f"it holds from {' '.join(map(str, self.networks))}"
        return ""

    def _unmet_by_arguments(self, arguments: Mapping[str, bytes | tuple[bytes, ...]]) -> str:
        for name, expression in self.arguments:
            value = arguments.get(name)
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            if not values:
                return f"it is for calls with the argument {name}"
            if not all(matches_all(expression, each.decode("utf-8", "backslashreplace")) for each in values):
                return f"it is for {name} like {expression}"
        return ""

    def _unmet_by_mailbox(self, mailbox: str) -> str:
        if self.mailbox and not matches_all(self.mailbox, mailbox):
            return f"it is for mailboxes like {self.mailbox}"
        return ""


ANY = Conditions()


def _within(hours: tuple[time, time], now: time) -> bool:
    start, end = hours
    return start <= now < end if start <= end else now >= start or now < end


def _is_in(networks: tuple[Network, ...], remote_addr: str | None) -> bool:
    try:
        address = ipaddress.ip_address(remote_addr or "")
    except ValueError:
        return False  # from nowhere that is known, as a Unix socket: no network's
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _moment(moment: datetime, at: datetime) -> str:
    return f"{moment.astimezone(at.tzinfo):%Y-%m-%d %H:%M}"
