import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    """A directory that the user whose the mail is can pass: pytest's own is for its owner alone."""
    path = Path(tempfile.mkdtemp(prefix="imapx-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)
