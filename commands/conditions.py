"""When a rule holds: conditions on arguments, network, TLS, mailbox and time. Pure."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from enum import Flag
from typing import Protocol

from commands.expression import matches_all, may_mean

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Unknown(Flag):
    """What of a call is not known, when it is asked whether it may be run in some way."""

    NOTHING = 0
    ARGUMENTS = 1
    ORIGIN = 2  # address and TLS
    MAILBOX = 4
    ALL = 7


class Call(Protocol):
    """What conditions look at. `arguments` are by the names of parameters, all of each name."""

    @property
    def at(self) -> datetime: ...
    @property
    def arguments(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def remote_addr(self) -> str | None: ...
    @property
    def tls(self) -> bool: ...
    @property
    def mailbox(self) -> str: ...
    @property
    def unknown(self) -> Unknown: ...


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that are given must be met; one that is None or empty is not given.

    `arguments` are pairs of a parameter's name and an expression for all of a value of that name; an argument that
    was not given meets none. `mailbox` is such an expression too. `weekdays` count from Monday, 0.
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

    def unmet(self, call: Call, *, forbids: bool) -> str:
        """The first condition that is not met, in words; empty if all are.

        `forbids`: they are of a rule that takes away. Of several values of one argument one is enough for it, where a
        rule that gives needs all of them; expressions are read as `may_mean` does; and a condition on what is not
        known is unmet, where that of a rule that gives is met.
        """
        if self is ANY:
            return ""
        return (
            self._unmet_by_time(call.at)
            or self._unmet_by_origin(call, forbids)
            or self._unmet_by_arguments(call, forbids)
            or self._unmet_by_mailbox(call, forbids)
        )

    def _unmet_by_time(self, at: datetime) -> str:
        if self.valid_from is not None and at < self.valid_from:
            return f"it holds from {moment_in_words(self.valid_from, at.tzinfo)}"
        if self.valid_until is not None and at >= self.valid_until:
            return f"it held until {moment_in_words(self.valid_until, at.tzinfo)}"
        if self.weekdays and at.weekday() not in self.weekdays:
            return f"it holds on {' '.join(DAYS[day] for day in sorted(self.weekdays))}"
        if self.hours is not None and not _within(self.hours, at.time()):
            return f"it holds from {self.hours[0]:%H:%M} to {self.hours[1]:%H:%M}"
        return ""

    def _unmet_by_origin(self, call: Call, forbids: bool) -> str:
        if call.unknown & Unknown.ORIGIN:
            return "it depends on the client's address or TLS" if forbids and self._by_origin else ""
        if self.tls is not None and self.tls is not call.tls:
            return "it holds by TLS alone" if self.tls else "it holds without TLS alone"
        if self.networks and not _is_in(self.networks, call.remote_addr):
            return f"it holds from {' '.join(map(str, self.networks))}"
        return ""

    @property
    def _by_origin(self) -> bool:
        return self.tls is not None or bool(self.networks)

    def _unmet_by_arguments(self, call: Call, forbids: bool) -> str:
        if call.unknown & Unknown.ARGUMENTS:
            return "it depends on the arguments" if forbids and self.arguments else ""
        for name, expression in self.arguments:
            values = call.arguments.get(name, ())
            if not values:
                return f"it is for calls with the argument {name}"
            if not _fits(expression, values, forbids):
                return f"it is for {name} like {expression}"
        return ""

    def _unmet_by_mailbox(self, call: Call, forbids: bool) -> str:
        if not self.mailbox:
            return ""
        if call.unknown & Unknown.MAILBOX:
            return "it depends on the selected mailbox" if forbids else ""
        return "" if _fits(self.mailbox, (call.mailbox,), forbids) else f"it is for mailboxes like {self.mailbox}"


ANY = Conditions()


def _fits(expression: str, values: tuple[str, ...], forbids: bool) -> bool:
    if forbids:
        return any(may_mean(expression, value) for value in values)
    return all(matches_all(expression, value) for value in values)


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


def moment_in_words(moment: datetime, zone: tzinfo | None) -> str:
    """To the minute. One that the zone has no time for stays in its own: what is wrong in one rule stops no others."""
    try:
        moment = moment.astimezone(zone)
    except OverflowError:
        pass
    return f"{moment:%Y-%m-%d %H:%M}"
