"""To begin anew after something was done elsewhere, against having it done on the connection that stays."""

import ssl
from collections.abc import Callable
from pathlib import Path

from benchmarks.client import Client
from benchmarks.measure import Case, Difference, Side
from benchmarks.relay import commanding
from benchmarks.trial import Trial

FLAGS = b"UID FETCH 1:* (FLAGS)"


def stay(trial: Trial, left_out: Callable[[str], object]) -> list[Case]:
    """Nothing is left out: all that it takes is Dovecot."""
    dovecot, front = trial.dovecot, trial.front
    staying, direct = (trial.opened(Client(address)) for address in (front.imap, dovecot.imap))
    for client in (staying, direct):
        client.command(b"SELECT INBOX")
    changes = Side("EXECUTE, may change mail", commanding(staying, b"EXECUTE changes"))
    execute = Side("EXECUTE, changes no mail", commanding(staying, b"EXECUTE true"))
    sides = [
        changes,
        Side("anew, through IMAPX", anew(front.imaps, front.data / "tls" / "certificate.pem"), Client.log_out),
        Side("anew, Dovecot directly", anew(dovecot.imaps, dovecot.certificate), Client.log_out),
    ]
    return [
        Case(f"TCP, TLS, LOGIN, SELECT and the flags of {trial.messages:,} messages against staying", sides),
        Case(
            f"asking the engine for news, {trial.messages:,} messages",
            # The server asks just after a program and a record have had the processor; a second NOOP would be quicker.
            [
                Side(
                    "NOOP, Dovecot directly, after an EXECUTE", commanding(direct, b"NOOP"), lambda _: execute.operate()
                ),
                execute,
                changes,
            ],
            difference=Difference("asking: the second EXECUTE less the first", more=2, less=1),
        ),
    ]


def anew(address: tuple[str, int], certificate: Path) -> Callable[[], Client]:
    """What a client does that connects again and has to know what its mailbox holds now."""
    context = ssl.create_default_context(cafile=certificate)

    def begin() -> Client:
        client = Client(address, context)
        client.command(b"SELECT INBOX")
        client.command(FLAGS)
        return client

    return begin
