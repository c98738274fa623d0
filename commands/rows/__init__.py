"""INSERT and UPDATE for the record: gathered while a batch of the writer runs, and written in one statement for all.

Django makes the text of a statement anew each time and sends it by itself, which costs more than to run it.
"""

from commands.rows.batch import Batch, Stale, gathering, insert, read_revision, revision, update

__all__ = ["Batch", "Stale", "gathering", "insert", "read_revision", "revision", "update"]
