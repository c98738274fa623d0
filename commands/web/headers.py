"""Headers of each answer that is made here, beside those of Django's own middleware and of django-csp."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.deprecation import MiddlewareMixin

# What a page could ask the browser's user for, and none of ours does.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
)


class SafeHeaders(MiddlewareMixin):
    """Nothing is kept: neither by a cache on the way nor by the browser, whose Back button would show it after the
    logout. Scripts are the same for everybody; static files don't come here."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        if not response.get("Content-Type", "").startswith("text/javascript"):
            patch_cache_control(response, private=True, no_store=True)
        return response
