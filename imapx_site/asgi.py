"""One application for both servers: daphne sends it `http` and `websocket`, runimap `imap` as well."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imapx_site.settings")

django_application = get_asgi_application()  # sets Django up, so that what follows may import models

from commands.web.sockets.routing import websocket_application  # noqa: E402
from imapserver.consumer import ImapConsumer  # noqa: E402
from imapx_site.bodies import limited  # noqa: E402
from imapx_site.forwarded import forwarded  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": forwarded(limited(django_application)),
        "websocket": forwarded(websocket_application),
        "imap": ImapConsumer.as_asgi(),
    }
)
