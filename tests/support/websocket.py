"""A WebSocket to the application, whose threads close their database connections as they do in a server."""

from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator


class WebSocket(WebsocketCommunicator):
    """Channels' own keeps `close_old_connections` from closing any, for tests that share one transaction."""

    send_input = ApplicationCommunicator.send_input
    receive_output = ApplicationCommunicator.receive_output
