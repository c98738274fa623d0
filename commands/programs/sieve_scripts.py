"""A user's Sieve scripts on the server: those of our programs beside the user's own.

Each program has a part, a script of its own. While a part is on, the active script is `imapx`, which includes
(RFC 6609) the parts that are on and then the script that was active before. That one is never changed; it is made
active again when the last part is switched off. Every step leaves scripts that work, so one that fails harms nothing.
"""

import re
from collections.abc import Collection

from commands.programs.managesieve import ManageSieve, ServerAwayError
from commands.programs.refused import RefusedError
from commands.programs.sieve_text import ChangedByHandError, Settings, quote, seal, unseal

MAIN = "imapx"
PARTS = ("vacation", "forward")  # as they run: a forward that keeps no copy ends it all


def script_of(part: str) -> str:
    return f"{MAIN}-{part}"


class Scripts:
    """Read once, at the start. `own` is the name of the user's own script that is active, by itself or after ours."""

    def __init__(self, client: ManageSieve) -> None:
        """Raises RefusedError if `imapx` is active and was changed by hand."""
        self.client = client
        self._names, self._active = client.list_scripts()
        self.own: str | None = None
        self._on: tuple[str, ...] = ()
        if self._active == MAIN:
            self._read_main()
        elif parts := tuple(part for part in PARTS if script_of(part) == self._active):
            self._on = parts  # made active by hand, as any client of ManageSieve can
        else:
            self.own = self._active

    def _read_main(self) -> None:
        try:
            settings = unseal(MAIN, self.client.get_script(MAIN))
        except ChangedByHandError:
            raise RefusedError(
                f'the active script "{MAIN}" was changed by hand: give it another name with your Sieve editor, '
                "and it counts as your own"
            ) from None
        own, on = settings.get("own"), settings.get("on")
        self.own = own if isinstance(own, str) and own in self._names else None
        self._on = tuple(p for p in PARTS if isinstance(on, list) and p in on and script_of(p) in self._names)

    def is_on(self, part: str) -> bool:
        return part in self._on

    def settings(self, part: str) -> Settings | None:
        """As they were saved last; None if never. Raises RefusedError if the script was changed by hand."""
        if script_of(part) not in self._names:
            return None
        try:
            return unseal(script_of(part), self.client.get_script(script_of(part)))
        except ChangedByHandError:
            raise RefusedError(
                f'the script "{script_of(part)}" was changed by hand; "off" sets it aside under another name'
            ) from None

    def switch_on(self, part: str, settings: Settings, body: str, extensions: Collection[str]) -> None:
        """Put the part's script in place of the one before, of which `settings` must have been read.

        `extensions` are those that the script requires. Raises RefusedError, and then nothing was changed.
        """
        missing = sorted({"include", *extensions} - set(self.client.extensions))
        if missing:
            raise ServerAwayError(f"the server's Sieve has no {', '.join(missing)}")
        included = self._active == MAIN and part in self._on
        if not included:
            self._refuse_foreign_main()
            self._refuse_conflict(part)
        self._put(script_of(part), seal(script_of(part), settings, body))
        if not included:
            self._put_main(tuple(each for each in PARTS if each == part or each in self._on))
        if self._active != MAIN:
            self.client.set_active(MAIN)
            self._active = MAIN

    def switch_off(self, part: str) -> None:
        """Its script stays. Does nothing if it is off."""
        if part not in self._on:
            return
        rest = tuple(each for each in self._on if each != part)
        if rest:
            self._put_main(rest)
            return
        self.client.set_active(self.own or "")
        self._active, self._on = self.own, ()
        self._remove_main()

    def remove(self, part: str) -> str | None:
        """Delete the part's script, which must be off. One that was changed by hand is kept: its new name."""
        name = script_of(part)
        if name not in self._names:
            return None
        try:
            self.settings(part)
        except RefusedError:
            new = f"{name}-changed"
            number = 1
            while new in self._names:
                number += 1
                new = f"{name}-changed-{number}"
            self.client.rename_script(name, new)
            return new
        self.client.delete_script(name)
        return None

    def _put_main(self, on: tuple[str, ...]) -> None:
        # :optional: a script that the user deletes meanwhile must not stop the others.
        names = [*map(script_of, on), *([self.own] if self.own is not None else [])]
        includes = "".join(f"include :personal :optional {quote(name)};\r\n" for name in names)
        text = seal(MAIN, {"on": on, "own": self.own}, f'require "include";\r\n{includes}')
        self._put(MAIN, text)
        self._on = on

    def _remove_main(self) -> None:
        if MAIN in self._names:
            self.client.delete_script(MAIN)
            self._names.remove(MAIN)

    def _refuse_foreign_main(self) -> None:
        if MAIN in self._names and self._active != MAIN:
            try:
                unseal(MAIN, self.client.get_script(MAIN))
            except ChangedByHandError:
                raise RefusedError(f'there is a script "{MAIN}" of another origin: rename or delete it') from None

    def _refuse_conflict(self, part: str) -> None:
        if self.own is None:
            return
        text = self.client.get_script(self.own)
        if re.search(rf'include\b[^;]*"{MAIN}(-\w+)?"', text, re.IGNORECASE):
            raise RefusedError(f'your own script "{self.own}" includes "{MAIN}" or a part of it: take that out first')
        # RFC 5230 section 4.7: a second vacation is an error, at which the server would drop all that both scripts do.
        if part == "vacation" and re.search(r'require\b[^;]*"vacation(-seconds)?"', text, re.IGNORECASE):
            raise RefusedError(f'your own script "{self.own}" sends vacation replies itself: take that out first')

    def _put(self, name: str, script: str) -> None:
        self.client.put_script(name, script)
        if name not in self._names:
            self._names.append(name)
