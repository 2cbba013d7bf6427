"""
The only place that opens files. Every path is walked from the root folder by descriptors, following no link; a file survives
a power cut as its whole old text or its whole new one.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
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


@dataclass(frozen=True)
class Text:
    """What a file is to be, whole."""

    path: str
    data: bytes
    mode: int
    gid: int | None = None
    """The group that it had. Where we may not give it that one, no group gets any right to it."""


class Tree:
    """The files below a root folder: `/`, a home, or a test's. Paths are absolute, as below that folder."""

    def __init__(self, root: str = "/", shown: str = "") -> None:
        """`shown` stands for the root in what is said, e.g. `~`."""
        self._root = root
        self._shown = shown

    def below(self, path: str, shown: str) -> "Tree":
        """The files below a folder, which is found through links, if need be: only for whose folder it is."""
        return Tree(f"{self._root.rstrip('/')}{path}", shown)

    def follow(self, path: str) -> str | None:
        """Where the links of a path lead to; None where that is not below the root."""
        root = os.path.realpath(self._root)
        real = os.path.realpath(f"{root}{path}")
        return real[len(root.rstrip("/")) :] if real.startswith(f"{root.rstrip('/')}/") else None

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
                    raise Problem(
                        f"{self._shown}{path}: {name} is a link or no folder; put a plain folder there"
                    ) from None
                except PermissionError as error:
                    raise Problem(f"{self._shown}{path}: can't be opened: {error.strerror}") from None
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
            raise Problem(f"{self._shown}{path}: can't be read: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Problem(f"{self._shown}{path}: found no regular file; put a plain file there, or none")
            data = file.read(limit + 1)
        if len(data) > limit:
            raise Problem(
                f"{self._shown}{path}: found more than {limit} bytes; nothing that spark-mesh reads is as large"
            )
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

    def write_all(self, texts: Sequence[Text]) -> None:
        """
        Writes files as whoever runs this. Each is written beside its target before the first takes its name: on a full disk
        none has changed. They take their names in the order given.
        """
        written: list[Text] = []
        try:
            for text in texts:
                written.append(text)
                self._write_beside(text.path, text.data, text.mode, gid=text.gid)
            for text in texts:
                self._put_in_place(text.path)
        except BaseException:
            for text in written:
                with contextlib.suppress(Problem, OSError):
                    self.remove(_beside(text.path))
            raise

    def copy(self, source: str, target: str) -> None:
        """Copies a regular file with its mode, owner and times. Raises Problem where there is none."""
        data = self.read(source)
        folder, name = os.path.split(source)
        with self._folder(folder) as descriptor:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if data is None:
            raise Problem(f"{source}: found none, wanted a file to copy")
        times = (found.st_atime_ns, found.st_mtime_ns)
        mode = stat.S_IMODE(found.st_mode)
        self._put(target, data, mode, owner=(found.st_uid, found.st_gid), times=times)

    def _put(
        self,
        path: str,
        data: bytes,
        mode: int,
        owner: tuple[int, int] | None = None,
        times: tuple[int, int] | None = None,
    ) -> None:
        """The text reaches the disk before the name, and the name before anything that is done next."""
        self._write_beside(path, data, mode, owner=owner, times=times)
        self._put_in_place(path)

    def _write_beside(
        self,
        path: str,
        data: bytes,
        mode: int,
        *,
        owner: tuple[int, int] | None = None,
        gid: int | None = None,
        times: tuple[int, int] | None = None,
    ) -> None:
        folder, name = os.path.split(path)
        temporary = os.path.basename(_beside(path))
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
                    if gid is not None and gid != os.fstat(descriptor).st_gid and not _give_group(descriptor, gid):
                        mode &= ~stat.S_IRWXG
                    os.fchmod(descriptor, mode)
                    if times:
                        os.utime(descriptor, ns=times)
                    os.fsync(descriptor)
        except FileNotFoundError:
            raise Problem(f"{self._shown}{folder}: found no such folder, wanted one to write {name} into") from None
        except OSError as error:
            raise self._unwritable(path, error) from None

    def _put_in_place(self, path: str) -> None:
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as parent:
                os.rename(os.path.basename(_beside(path)), name, src_dir_fd=parent, dst_dir_fd=parent)
                os.fsync(parent)
        except OSError as error:
            raise self._unwritable(path, error) from None

    def _unwritable(self, path: str, error: OSError) -> Problem:
        return Problem(
            f"{self._shown}{path}: can't be written: {error.strerror};"
            " make it writable, with room on its disk, and run the command again"
        )

    def set_mode(self, path: str, mode: int) -> None:
        """Gives a file or a folder that is there a mode; a link is none."""
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as parent:
                descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
                try:
                    # Also of one that can't be read.
                    os.chmod(f"/proc/self/fd/{descriptor}", mode)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise self._unwritable(path, error) from None

    def lock_file(self, path: str) -> int:
        """A descriptor of the file, 0600 and made where it isn't there, for a lock; no child inherits it."""
        folder, name = os.path.split(path)
        try:
            with self._folder(folder) as parent:
                return os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)
        except OSError as error:
            raise self._unwritable(path, error) from None

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
            raise self._unwritable(path, error) from None
        return True

    def make_folder(self, path: str, mode: int) -> bool:
        """Makes a folder and those above it, root's, and gives it `mode`; whether it was not there before."""
        made = False
        walked = ""
        for name in _names(path):
            try:
                with self._folder(walked or "/") as parent:
                    os.mkdir(name, mode if f"{walked}/{name}" == path else 0o755, dir_fd=parent)
                    os.fsync(parent)
                    made = True
            except FileExistsError:
                made = False
            except OSError as error:
                raise self._unwritable(f"{walked}/{name}", error) from None
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


def _beside(path: str) -> str:
    """Where a file is written before it takes its name: without an ending that netplan, sudo or systemd would read."""
    folder, name = os.path.split(path)
    return f"{folder}/.{name}.spark-mesh"


def _give_group(descriptor: int, gid: int) -> bool:
    try:
        os.fchown(descriptor, -1, gid)
    except PermissionError:
        return False
    return True


def _names(path: str) -> list[str]:
    names = [name for name in path.split("/") if name]
    if not path.startswith("/") or ".." in names:
        raise Problem(f"{path}: found a relative path, wanted an absolute one")
    return names
