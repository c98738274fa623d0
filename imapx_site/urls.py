"""The web: the admin, and what users see of themselves."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

from imapx_site import monitoring

admin.site.index_title = "Overview"


@login_not_required
def start(request: HttpRequest) -> HttpResponse:
    """To the page of whoever asks."""
    is_user = request.user.is_authenticated and not request.user.is_staff
    return redirect("own:home" if is_user else "admin:index")


urlpatterns = [
    path("", start),
    path("me/", include("commands.web.own.urls")),
    path("security/", include("commands.admin.security")),
    path("health", monitoring.health),
    path("metrics", monitoring.metrics),
    path("admin/", admin.site.urls),
]
