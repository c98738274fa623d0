"""What CAPABILITY answers: the engine's, less what the relay can't carry, and EXECUTE."""

# LITERAL-: what comes without being asked for must be small, since IMAPX keeps it until the command is whole.
WITHOUT_ENGINE = ("IMAP4rev1", "LITERAL-", "ID")

# After login no mechanism is offered; COMPRESS and STARTTLS would leave the relay blind, and UNAUTHENTICATE and
# a second login would make the user another one on the engine than here.
NOT_CARRIED = frozenset({"COMPRESS=DEFLATE", "STARTTLS", "LOGINDISABLED", "SASL-IR", "UNAUTHENTICATE"})
OURS = frozenset({"EXECUTE", "XEXEC"})


def before_login(*, secure: bool, start_tls: bool, mechanisms: tuple[str, ...]) -> tuple[str, ...]:
    """Capabilities to show before login; `secure`: a password may be sent on this connection."""
    offered = tuple(f"AUTH={mechanism}" for mechanism in mechanisms) if secure else ("LOGINDISABLED",)
    return ("IMAP4rev1", "LITERAL-", "SASL-IR", "ID", *(("STARTTLS",) if start_tls else ()), *offered)


def after_login(engine: tuple[str, ...], *, execute: bool, xexec: bool = False) -> tuple[str, ...]:
    """Capabilities to show to a logged-in user; `execute`: who may run at least one verb, `xexec`: by XEXEC too."""
    carried = tuple(name for name in engine if _is_carried(name.upper()))
    if not execute:
        return carried
    return (*carried, "EXECUTE", "XEXEC") if xexec else (*carried, "EXECUTE")


def _is_carried(name: str) -> bool:
    return name not in NOT_CARRIED and name not in OURS and not name.startswith("AUTH=")
