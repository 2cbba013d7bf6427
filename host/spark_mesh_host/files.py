"""
The only place that opens files. Every path is walked from the root folder by descriptors, following no link; a file survives
a power cut as its whole old text or its whole new one.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from .say import Problem

READ_LIMIT = 4 << 20
"""Bytes of a file that is read whole."""


@dataclass(frozen=True)
class Stat:
    """What a record says of a file, and what `facts/record.ts` compares."""

    path: str
    mode: str
    """Octal, e.g. "600"."""
    uid: int
    gid: int
    size: int
    inode: int
    ctime_ns: int
    kind: str
    """file, folder, link or other."""


class Tree:
    """The files below a root folder, `/` but for tests. Paths are absolute as on the host."""

    def __init__(self, root: str = "/") -> None:
        self._root = root

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """A descriptor of the folder. Raises FileNotFoundError, and Problem where a link or a file stands in the way."""
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in _names(path):
                try:
                    below = os.open(
                        name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor
                    )
                except NotADirectoryError:
                    raise Problem(f"{path}: {name} is a link or no folder; put a plain folder there") from None
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def stat(self, path: str) -> Stat | None:
        """What stands at the path, a link as itself; None where there is nothing."""
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as descriptor:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
        return Stat(
            path=path,
            mode=f"{stat.S_IMODE(found.st_mode):o}",
            uid=found.st_uid,
            gid=found.st_gid,
            size=found.st_size,
            inode=found.st_ino,
            ctime_ns=found.st_ctime_ns,
            kind=kinds.get(stat.S_IFMT(found.st_mode), "other"),
        )

    def read(self, path: str, limit: int = READ_LIMIT) -> bytes | None:
        """The bytes of a regular file; None where there is none. Raises Problem for a link, and above `limit` bytes."""
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as parent:
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Problem(f"{path}: can't be read: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Problem(f"{path}: found no regular file; put a plain file there, or none")
            data = file.read(limit + 1)
        if len(data) > limit:
            raise Problem(f"{path}: found more than {limit} bytes; nothing that spark-mesh reads is as large")
        return data

    def text(self, path: str) -> str | None:
        """`read` as UTF-8; bytes that are none come back as U+FFFD."""
        data = self.read(path)
        return None if data is None else data.decode(errors="replace")

    def names(self, path: str) -> list[str]:
        """What is in the folder, sorted; nothing where there is none."""
        try:
            with self._folder(path) as descriptor:
                return sorted(os.listdir(descriptor))
        except FileNotFoundError:
            return []

    def write(self, path: str, data: bytes | str, mode: int) -> None:
        """Writes the file at once, as root's; nobody sees half of it."""
        self._put(path, data.encode() if isinstance(data, str) else data, mode)

    def copy(self, source: str, target: str) -> None:
        """Copies a regular file with its mode, owner and times. Raises Problem where there is none."""
        data = self.read(source)
        folder, name = os.path.split(source)
        with self._folder(folder) as descriptor:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if data is None:
            raise Problem(f"{source}: found none, wanted a file to copy")
        times = (found.st_atime_ns, found.st_mtime_ns)
        self._put(target, data, stat.S_IMODE(found.st_mode), owner=(found.st_uid, found.st_gid), times=times)

    def _put(
        self,
        path: str,
        data: bytes,
        mode: int,
        owner: tuple[int, int] | None = None,
        times: tuple[int, int] | None = None,
    ) -> None:
        """The text reaches the disk before the name, and the name before anything that is done next."""
        folder, name = os.path.split(path)
        # Without an ending that netplan, sudo or systemd would read.
        temporary = f".{name}.spark-mesh"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with self._folder(folder) as parent:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
                descriptor = os.open(temporary, flags, 0o600, dir_fd=parent)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    if owner:
                        os.fchown(descriptor, *owner)
                    os.fchmod(descriptor, mode)
                    if times:
                        os.utime(descriptor, ns=times)
                    os.fsync(descriptor)
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
                os.fsync(parent)
        except FileNotFoundError:
            raise Problem(f"{folder}: found no such folder, wanted one to write {name} into") from None
        except OSError as error:
            raise Problem(f"{path}: can't be written: {error.strerror}") from None

    def lock_file(self, path: str) -> int:
        """A descriptor of the file, 0600 and made where it isn't there, for a lock; no child inherits it."""
        folder, name = os.path.split(path)
        with self._folder(folder) as parent:
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)

    def remove(self, path: str) -> bool:
        """Removes a file or a link; whether there was one."""
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as parent:
                os.unlink(name, dir_fd=parent)
                os.fsync(parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise Problem(f"{path}: can't be removed: {error.strerror}") from None
        return True

    def make_folder(self, path: str, mode: int) -> bool:
        """Makes a folder and those above it, root's, and gives it `mode`; whether it was not there before."""
        made = False
        walked = ""
        for name in _names(path):
            with self._folder(walked or "/") as parent:
                try:
                    os.mkdir(name, mode if f"{walked}/{name}" == path else 0o755, dir_fd=parent)
                    os.fsync(parent)
                    made = True
                except FileExistsError:
                    made = False
                except OSError as error:
                    raise Problem(f"{walked}/{name}: can't be made: {error.strerror}") from None
            walked += f"/{name}"
        with self._folder(path) as descriptor:
            if made:
                os.fchmod(descriptor, mode)
        return made

    def remove_folder(self, path: str) -> bool:
        """Removes a folder that is empty; whether it is gone."""
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as parent:
                os.rmdir(name, dir_fd=parent)
                os.fsync(parent)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def remove_tree(self, path: str) -> None:
        """Removes a folder of ours with all that is in it; links in it are removed, not followed."""
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as parent:
                for _, folders, files, below in os.fwalk(name, topdown=False, dir_fd=parent):
                    for each in files:
                        os.unlink(each, dir_fd=below)
                    for each in folders:
                        if stat.S_ISLNK(os.stat(each, dir_fd=below, follow_symlinks=False).st_mode):
                            os.unlink(each, dir_fd=below)
                        else:
                            os.rmdir(each, dir_fd=below)
                os.rmdir(name, dir_fd=parent)
                os.fsync(parent)
        except FileNotFoundError:
            pass


def _names(path: str) -> list[str]:
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or ".." in names:
        raise Problem(f"{path}: found a relative path, wanted an absolute one")
    return names
