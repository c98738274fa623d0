"""Changes of second factors on the audit record, before they are made."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from commands import audit
from commands.models import AuditEvent
from commands.system_user import system_user


def record(outcome: str, what: str, request: HttpRequest | None = None) -> None:
    """`outcome`: added, changed or deleted. Without a request: by a command on this machine.

    Not inside of a transaction. Raises StoreUnavailable: then it must not be done."""
    by: dict[str, Any] = {"actor": f"{system_user()} (manage.py secondfactor)", "door": "terminal"}
    if request is not None and isinstance(request.user, User):
        by = {
            "actor": request.user.get_username(),
            "actor_id": request.user.pk,
            "door": "web",
            "remote_addr": request.META.get("REMOTE_ADDR"),
            "tls": request.is_secure(),
            "client_id": request.META.get("HTTP_USER_AGENT", ""),
        }
    audit.record_now(kind=AuditEvent.Kind.CHANGE, outcome=outcome, reason=what, **by)
