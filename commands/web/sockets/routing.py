"""Which WebSocket is where. tests/commands/web/sockets/test_routing.py has the table of who may open each."""

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware
from django.urls import URLPattern, path, re_path

from commands.web.sockets.console import ConsoleSocket, TrySocket
from commands.web.sockets.live import LiveSocket
from commands.web.sockets.origin import same_origin
from commands.web.sockets.watch import WatchSocket

websocket_urlpatterns: list[URLPattern] = [
    path("ws/live/", LiveSocket.as_asgi()),
    path("ws/watch/<uuid:execution_id>/", WatchSocket.as_asgi()),
    path("ws/console/", ConsoleSocket.as_asgi()),
    path("ws/try/<int:verb_id>/", TrySocket.as_asgi()),
]

websocket_application = same_origin(
    CookieMiddleware(URLRouter([*websocket_urlpatterns, re_path("", WebsocketDenier.as_asgi())]))
)
