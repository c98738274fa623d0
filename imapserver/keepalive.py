"""Peers that vanish without a word."""

import socket

OPTIONS = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""They are missed after two minutes, not after the two hours of Linux."""


def keep_alive(connection: socket.socket) -> None:
    """Have the kernel ask the peer whether it is still there. What a listening socket accepts inherits it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in OPTIONS:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
