"""How this server is: its engine is asked every few seconds, and what it says is kept for /health and for the pages."""

import asyncio
import contextlib
import logging
import threading

from django.db import Error as StoreError
from django.db import connection

from commands import servers
from imapserver import metrics
from imapserver.engine.connection import EngineUnavailable
from imapserver.engine.engine import Engine

logger = logging.getLogger(__name__)

ASK_SECONDS = 10.0
"""An engine writes each greeting into its log: often enough to see it go, and no more."""


class Condition:
    """Of this process."""

    def __init__(self) -> None:
        self.engine_fault: str | None = None
        """Empty: it answers. None: this process has no engine."""
        self._is_told = True
        self._has_ended = False
        self._one_at_a_time = threading.Lock()

    async def watch(self, engine: Engine) -> None:
        """Ask and tell until it is cancelled."""
        while True:
            try:
                await self._ask(engine)
                await self._tell(engine)
            except Exception:  # an edge: else /health would go on to say what was found last
                logger.exception("How this server is could not be found out")
                self.engine_fault = "it could not be asked"
            await asyncio.sleep(ASK_SECONDS)

    async def _ask(self, engine: Engine) -> None:
        before, fault = self.engine_fault, ""
        try:
            await engine.check()
        except EngineUnavailable as unavailable:
            fault = str(unavailable)
        self.engine_fault = fault
        metrics.ENGINE_UP.set(not fault)
        if fault and not before:
            logger.error("The engine does not answer: %s", fault)
        elif before and not fault:
            logger.info("The engine answers again")

    async def _tell(self, engine: Engine) -> None:
        try:
            await asyncio.to_thread(self._note, engine.name, self.engine_fault or "")
            self._is_told = True
        except StoreError as error:  # mail goes on, and so does this: the pages say that it was not seen
            if self._is_told:
                logger.warning("How this server is could not be told: %s", error)
            self._is_told = False

    async def end(self) -> None:
        """Nothing more comes from this process."""
        try:
            await asyncio.to_thread(self._forget)
        except StoreError as error:
            logger.warning("It could not be told that this server ends: %s", error)

    def _note(self, engine: str, fault: str) -> None:
        with self._one_at_a_time, contextlib.closing(connection):  # this thread's
            if not self._has_ended:  # a thread can't be cancelled: it may come after the last word
                servers.note(engine, fault)

    def _forget(self) -> None:
        with self._one_at_a_time, contextlib.closing(connection):
            self._has_ended = True
            servers.forget()


condition = Condition()
