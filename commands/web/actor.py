"""Who does something on a page, and from where."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from commands.live.ending import Actor


def actor_of(request: HttpRequest) -> Actor:
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied
    return Actor(user.pk, user.get_username(), request.META.get("REMOTE_ADDR"), request.is_secure())
