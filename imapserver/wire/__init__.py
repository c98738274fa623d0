"""IMAP without I/O: bytes in, events out. Standard library only; import-linter holds it."""
