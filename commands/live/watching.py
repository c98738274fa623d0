"""Watch an execution, whichever process runs it: that one finds the watcher in the database, and sends to its channel.

From an execution in another process nothing comes without a channel layer that both share (IMAPX_REDIS_URL).
"""

import uuid

from django.db.models.functions import Now

from commands import audit
from commands.models import Watcher


async def watch(execution_id: uuid.UUID, channel_name: str) -> None:
    """Have what goes in and out of it sent to this channel, within half a second: to be called again every ten
    seconds, as long as somebody watches. The messages:

    `{"type": "execution.shown", "execution_id"}`, the first: from here on. What went by before is not sent.

    `{"type": "execution.piece", "execution_id", "offset", "stream", "data", "skipped"}`: offset in microseconds since
    the accept; stream "i", "o" or "e"; data bytes, redacted as in a transcript, empty if there is nothing but
    `skipped`: how many bytes were left out before it.

    `{"type": "execution.ended", "execution_id", "outcome", "code", "reason"}`, the last. It does not come of an
    execution that has ended already, or whose process dies: look at its row from time to time.

    Raises audit.StoreUnavailable."""

    def unit() -> None:
        Watcher.objects.bulk_create(
            [Watcher(channel=channel_name, execution_id=execution_id, seen_at=Now())],
            update_conflicts=True,
            unique_fields=["channel"],
            update_fields=["execution_id", "seen_at"],
        )

    await audit.writer.submit(unit)


async def unwatch(channel_name: str) -> None:
    """Nothing comes any more, within half a second. Raises audit.StoreUnavailable; then nothing comes after a while."""
    await audit.writer.submit(lambda: Watcher.objects.filter(channel=channel_name).delete())
