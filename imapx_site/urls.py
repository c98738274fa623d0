"""The web: the admin, and nothing else."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from imapx_site import monitoring

admin.site.index_title = "Overview"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("health", monitoring.health),
    path("metrics", monitoring.metrics),
    path("admin/", admin.site.urls),
]
