"""A server in a process of its own: starts a private Dovecot in the directory given, stops it at the end of input.

Prints what a SELECT of a first user says in one line, or why there is none.
"""

import asyncio
import sys
from pathlib import Path

from imapserver.engine.connection import EngineUnavailable
from imapserver.engine.private_dovecot import PrivateDovecot
from tests.imapserver.engine.mail import Mail


async def main(data_dir: Path) -> None:
    engine = PrivateDovecot(data_dir)
    try:
        await engine.start()
    except EngineUnavailable as error:
        print("unavailable:", error, flush=True)
        return
    mail = Mail(await engine.open("ann"))
    print(await mail.run(b"SELECT INBOX"), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    mail.transport.abort()
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
