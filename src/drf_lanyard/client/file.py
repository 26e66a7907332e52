"""Tokens in a file that only its owner can read."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from .errors import TokenStoreError
from .tokens import LOCK_TIMEOUT, Tokens

#: Seconds between two looks at a lock that another process holds: flock() itself knows no timeout.
LOCK_POLL = 0.01


class TokenFile:
    """A token store in one file of mode 0600, shared by any number of threads and processes of its owner.

    `path`: the file; `~` is expanded, missing folders are created with mode 0700. Beside it lie `NAME.lock` and, while
    saving, `NAME.new`. `fsync=False` gives up safety from power loss for speed (tests). POSIX only.
    """

    def __init__(self, path: str | os.PathLike[str], *, fsync: bool = True, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.path = Path(path).expanduser()
        self._fsync = fsync
        self._lock_timeout = lock_timeout

    def __repr__(self) -> str:
        return f"TokenFile({str(self.path)!r})"

    def load(self) -> Tokens | None:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TokenStoreError(f"Cannot read {self.path}: {error.strerror}.") from error
        try:
            self._check_private(descriptor)
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read()
        finally:
            os.close(descriptor)
        try:
            return msgspec.json.decode(content, type=Tokens)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        # Not inside the handler: a decoding error may hold the content.
        raise TokenStoreError(f"{self.path} is not a token file; delete it and sign in again.")

    def save(self, tokens: Tokens) -> None:
        """Write a new file and put it in the place of the old one. One writer at a time: the caller holds the lock."""
        new = self._beside(".new")
        try:
            self._make_folder()
            with suppress(FileNotFoundError):
                new.unlink()  # left behind by a crash
            self._write(new, msgspec.json.encode(tokens))
            os.replace(new, self.path)
            self._sync_folder()
        except OSError as error:
            raise TokenStoreError(f"Cannot write {self.path}: {error.strerror}.") from error

    def clear(self) -> None:
        try:
            self.path.unlink(missing_ok=True)
            self._beside(".new").unlink(missing_ok=True)
            if self.path.parent.exists():
                self._sync_folder()
        except OSError as error:
            raise TokenStoreError(f"Cannot delete {self.path}: {error.strerror}.") from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock file. Each call opens it anew, so that flock() excludes threads as well as processes."""
        import fcntl  # not on Windows, where another TokenStore is needed

        try:
            self._make_folder()
            descriptor = os.open(self._beside(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TokenStoreError(f"Cannot lock {self.path}: {error.strerror}.") from error
        try:
            self._wait_for(descriptor)
            yield
        finally:
            # Explicitly: a child forked meanwhile holds a copy, and closing ours alone would leave it locked.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _wait_for(self, descriptor: int) -> None:
        import fcntl

        deadline = time.monotonic() + self._lock_timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    break
            time.sleep(LOCK_POLL)
        raise TokenStoreError(f"Another process has been holding {self._beside('.lock')} for too long.")

    def _check_private(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise TokenStoreError(f"{self.path} is not a regular file.")
        if status.st_uid != os.geteuid():
            raise TokenStoreError(f"{self.path} belongs to another user; not using it.")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise TokenStoreError(
                f"{self.path} can be read or changed by other users (mode {mode:04o}). Its tokens may be known "
                "to them: delete the file and sign in again, or run `chmod 600` on it if you are sure."
            )

    def _write(self, path: Path, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if self._fsync:
                os.fsync(descriptor)

    def _make_folder(self) -> None:
        # One by one: the mode of mkdir(parents=True) applies to the last folder only.
        for folder in reversed([self.path.parent, *self.path.parent.parents]):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)

    def _sync_folder(self) -> None:
        if not self._fsync:
            return
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)
