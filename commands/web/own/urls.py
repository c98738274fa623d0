from django.urls import path

from commands.web.own import acts, pages
from commands.web.own.login import OwnLogin, OwnLogout

app_name = "own"

urlpatterns = [
    path("", pages.home, name="home"),
    path("history/", pages.history, name="history"),
    path("refused/", pages.refusals, name="refusals"),
    path("logins/", pages.logins, name="logins"),
    path("end/<uuid:key>/", acts.end, name="end"),
    path("end/all/", acts.end_all, name="end_all"),
    path("disconnect/<uuid:key>/", acts.disconnect, name="disconnect"),
    path("lock/", acts.lock, name="lock"),
    path("lift/<int:key>/", acts.lift, name="lift"),
    path("login/", OwnLogin.as_view(), name="login"),
    path("logout/", OwnLogout.as_view(), name="logout"),
]
