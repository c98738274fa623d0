"""What idle connections cost in memory."""

import ctypes

TLS_BUFFER_OCTETS = 256 * 1024
"""Of uvloop's SSL_READ_MAX_SIZE, once for each TLS connection."""

M_MMAP_THRESHOLD = -3
"""mallopt(3)."""


def keep_tls_buffers_apart() -> None:
    """Have malloc always map pages of their own for buffers of this size: they cost nothing until they are written, and
    go back when the connection ends.

    By itself glibc does so only until the first is freed. Then they lie in the heap, between everything else, on pages
    that others have written: five times the memory for the same idle connections."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return  # another C library
    mallopt(M_MMAP_THRESHOLD, TLS_BUFFER_OCTETS)
