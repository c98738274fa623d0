"""The audit log as a file, of any length in constant memory."""

from commands.exporting.formats import FORMATS, export_lines
from commands.exporting.rows import event_rows

__all__ = ["FORMATS", "event_rows", "export_lines"]
