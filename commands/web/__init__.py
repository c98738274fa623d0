"""The web side beside the admin: sockets, sessions, and whose they are."""
