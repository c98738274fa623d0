"""imapx-forward OPTIONS [--] (show | set ADDRESS... | copy (on|off) | off): send a user's new mail on.

It is Sieve's redirect (RFC 5228 section 4.2). With a copy (RFC 3894), as it is unless said otherwise, the mail is kept
as if there were no forwarding: the user's own script runs on it. Without one nothing is kept, and that script is not
run. Options and exit status: sieve_program.py.
"""

import sys
from dataclasses import dataclass
from functools import partial

from commands.programs.refused import RefusedError
from commands.programs.sieve_program import Action, parse_addresses, run
from commands.programs.sieve_scripts import Scripts
from commands.programs.sieve_text import Settings, quote

PART = "forward"
USAGE = "show | set ADDRESS... | copy (on|off) | off"


@dataclass(frozen=True, slots=True)
class Forward:
    addresses: list[str]
    copy: bool = True

    def settings(self) -> Settings:
        return {"addresses": self.addresses, "copy": self.copy}

    def body(self) -> str:
        redirect = "redirect :copy" if self.copy else "redirect"
        lines = [f"{redirect} {quote(address)};" for address in self.addresses]
        head = ['require "copy";'] if self.copy else []
        return "".join(f"{line}\r\n" for line in [*head, *lines, *([] if self.copy else ["stop;"])])


def read(scripts: Scripts) -> Forward | None:
    """What is set and on."""
    settings = scripts.settings(PART) if scripts.is_on(PART) else None
    match settings:
        case {"addresses": [*addresses], "copy": bool(copy)}:
            return Forward([str(address) for address in addresses], copy)
        case _:
            return None


def show(scripts: Scripts) -> str:
    forward = read(scripts)
    if forward is None:
        return "off\n"
    lines = [f"forward to {address}" for address in forward.addresses]
    lines.append(f"copy {'on' if forward.copy else 'off'}")
    if not forward.copy and scripts.own is not None:
        lines.append(f'your own script "{scripts.own}" is not run')
    return "".join(f"{line}\n" for line in lines)


def set_addresses(addresses: list[str], scripts: Scripts) -> str:
    limit = scripts.client.max_redirects
    if limit is not None and len(addresses) > limit:
        raise RefusedError(f"the mail server forwards to at most {limit} addresses")
    scripts.settings(PART)  # refuses to replace one that was changed by hand
    former = read(scripts)
    return _save(scripts, Forward(addresses, former.copy if former else True))


def set_copy(copy: bool, scripts: Scripts) -> str:
    former = read(scripts)
    if former is None:
        raise RefusedError("nothing is forwarded: set ADDRESS first")
    return _save(scripts, Forward(former.addresses, copy))


def _save(scripts: Scripts, forward: Forward) -> str:
    scripts.switch_on(PART, forward.settings(), forward.body(), {"copy"})
    return ""


def switch_off(scripts: Scripts) -> str:
    scripts.switch_off(PART)
    aside = scripts.remove(PART)
    return f'the script that was changed by hand is now "{aside}"\n' if aside else ""


def refuse_own(addresses: list[str], own: list[str]) -> None:
    """Mail to oneself would come back for ever, by a subaddress too (RFC 5233)."""
    mine = set(map(_without_detail, own))
    for address in addresses:
        if _without_detail(address) in mine:
            raise RefusedError(f"{address} is your own address: mail would go in a circle")


def _without_detail(address: str) -> str:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def choose(arguments: list[str], own: list[str]) -> Action | None:
    match arguments:
        case ["show"]:
            return show
        case ["set", _, *_]:
            addresses = parse_addresses(arguments[1:])
            refuse_own(addresses, own)
            return partial(set_addresses, addresses)
        case ["copy", ("on" | "off") as copy]:
            return partial(set_copy, copy == "on")
        case ["off"]:
            return switch_off
        case _:
            return None


def main() -> int:
    return run(PART, USAGE, choose)


if __name__ == "__main__":
    sys.exit(main())
