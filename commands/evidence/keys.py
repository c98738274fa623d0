"""Keys that evolve: from one of an hour that of the next can be made, and never that of the hour before. Pure.

The root key is before that of epoch 0 and makes all of them: it verifies, and belongs off the machine. Whoever takes
the machine finds the key of the running epoch alone, and can't reseal what was sealed before.
"""

import hashlib
import hmac
import secrets
from uuid import UUID

EPOCH_SECONDS = 3600
KEY_SIZE = 32


def new_key() -> bytes:
    return secrets.token_bytes(KEY_SIZE)


def name_of(root: bytes) -> str:
    """What a chain calls its key by: it tells nothing of the key."""
    return hashlib.sha256(b"IMAPX audit key name\n" + root).hexdigest()[:16]


def evolve(key: bytes, epochs: int = 1) -> bytes:
    """The key so many epochs later."""
    for _ in range(epochs):
        key = hmac.digest(key, b"IMAPX audit key evolves", "sha256")
    return key


def chain_key(key: bytes, chain_id: UUID) -> bytes:
    """What seals one chain in the epoch of `key`: a writer need not keep more than that."""
    return hmac.digest(key, b"IMAPX audit chain\n" + chain_id.bytes, "sha256")


def epoch_at(started: float, now: float) -> int:
    """The epoch of this moment, both in seconds since 1970."""
    return max(0, int((now - started) // EPOCH_SECONDS))
