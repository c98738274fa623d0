"""What CAPABILITY answers: the engine's, less what the relay can't carry, and EXECUTE."""

BEFORE_LOGIN = ("IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "AUTH=PLAIN")

WITHOUT_ENGINE = ("IMAP4rev1", "LITERAL+", "ID")

# After login no mechanism is offered; COMPRESS and STARTTLS would leave the relay blind, and UNAUTHENTICATE and
# a second login would make the user another one on the engine than here.
NOT_CARRIED = frozenset({"COMPRESS=DEFLATE", "STARTTLS", "LOGINDISABLED", "SASL-IR", "UNAUTHENTICATE", "EXECUTE"})


def after_login(engine: tuple[str, ...], *, execute: bool) -> tuple[str, ...]:
    """Capabilities to show to a logged-in user; `execute`: this user may run at least one verb."""
    carried = tuple(name for name in engine if name not in NOT_CARRIED and not name.startswith("AUTH="))
    return (*carried, "EXECUTE") if execute else carried
