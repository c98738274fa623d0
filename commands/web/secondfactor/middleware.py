"""No page for a session whose second factor is missing: it is not logged in, or has to set one up first."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from commands.web.secondfactor import demand
from commands.web.secondfactor.demand import Standing

SET_UP = "security_set_up"
OPEN = frozenset({SET_UP, "admin:login", "admin:logout", "own:logout", "health", "metrics"})


class SecondFactorMiddleware(MiddlewareMixin):
    """Comes after those of authentication and of django-otp, before all that looks at whose the session is."""

    def process_view(self, request: HttpRequest, view: Callable[..., Any], *args: Any) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User):
            return None
        standing = demand.standing(user, request.session)
        if standing is Standing.NOT_GIVEN:
            logout(request)
            messages.info(request, "Log in again, with a code: a second factor was set up since you did.")
        name = request.resolver_match.view_name if request.resolver_match else ""
        if standing is Standing.NOT_SET_UP and name not in OPEN:
            return HttpResponseRedirect(reverse(SET_UP))
        return None
