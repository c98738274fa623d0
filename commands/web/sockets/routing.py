"""Which WebSocket is where. tests/commands/web/sockets/test_routing.py has the table of who may open each."""

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware
from django.urls import URLPattern, re_path

from commands.web.sockets.origin import same_origin

websocket_urlpatterns: list[URLPattern] = []

websocket_application = same_origin(
    CookieMiddleware(URLRouter([*websocket_urlpatterns, re_path("", WebsocketDenier.as_asgi())]))
)
