"""What is in the store, and whether it may be trusted.

`ROOT/NAME/N/` is version N of model NAME, in TensorFlow Serving's layout. Names that start with a dot, and directories
of a model that are not positive integers, are not versions: that is where a version grows before it is published.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from model_store.errors import RefusedForNow, RefusedVersion, StoreError, UnknownModel, UnknownVersion
from model_store.manifest import MANIFEST_FILE, FileRecord, Manifest, ModelName
from model_store.members import check_members

__all__ = ["RefusedVersion", "Store", "StoreError", "StoredVersion", "UnknownModel", "UnknownVersion", "record"]

_NAME: TypeAdapter[str] = TypeAdapter(ModelName)


@dataclass(frozen=True)
class StoredVersion:
    """A version whose files were all present and unchanged when it was opened."""

    name: str
    version: int
    path: Path
    manifest: Manifest
    digest: str
    """sha256 of `manifest.json`, which holds the sha256 of every other file: it stands for the whole version."""


class Store:
    """The versions under one directory, read only; `publish.publish` adds to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Names of the models that have a directory here, sorted; a store that does not exist yet is empty."""
        if not self.root.is_dir():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if entry.is_dir() and _is_name(entry.name))

    def versions(self, name: str) -> list[int]:
        """Numbers of the versions of a model, ascending, also of those that `open` would refuse.

        Raises:
            UnknownModel: The store has no such model.
        """
        if name not in self.names():
            raise UnknownModel(f"The store has no model {name!r}.")
        return sorted(int(entry.name) for entry in (self.root / name).iterdir() if _is_version(entry))

    def next_version(self, name: str) -> int:
        """The number that a new version of a model would get; 1 for a model that is not there yet."""
        return max(self.versions(name), default=0) + 1 if name in self.names() else 1

    def path(self, name: str, version: int) -> Path:
        """Where a version lies or would lie."""
        return self.root / name / str(version)

    def find(self, name: str, version: int) -> Path:
        """Where a version lies.

        Raises:
            UnknownModel: The store has no such model.
            UnknownVersion: The model has no such version.
        """
        if version not in self.versions(name):
            raise UnknownVersion(f"The store has no version {version} of {name}.")
        return self.path(name, version)

    def open(self, name: str, version: int) -> StoredVersion:
        """Reads a version's manifest and verifies every file of it (about 10 ms for 8 MB).

        Raises:
            UnknownModel: The store has no such model.
            UnknownVersion: The model has no such version.
            RefusedVersion: The version must not be served; the reason is one sentence.
            RefusedForNow: A file cannot be read.
        """
        path = self.find(name, version)
        try:
            return verify(path, name, version)
        except OSError as error:
            file = Path(error.filename or path).name
            raise RefusedForNow(f"{file} cannot be read: {error.strerror or type(error).__name__}.") from error
        except MemoryError as error:
            raise RefusedForNow("There is no memory to read it.") from error


def verify(path: Path, name: str, version: int) -> StoredVersion:
    """Verifies a version that lies in any directory, such as one that is about to be published.

    Raises:
        RefusedVersion: The manifest is missing, unreadable or another version's; a file is missing, was changed, is
            not listed, or is not a regular file.
        OSError: A file cannot be read.
    """
    if not (path / MANIFEST_FILE).is_file():
        raise RefusedVersion(f"There is no {MANIFEST_FILE}: half copied or never published.")
    data = (path / MANIFEST_FILE).read_bytes()
    manifest = _parse(data)
    if (manifest.name, manifest.version) != (name, version):
        raise RefusedVersion(f"{MANIFEST_FILE} is of {manifest.name}/{manifest.version}, not of {name}/{version}.")
    if not manifest.files:
        raise RefusedVersion(f"{MANIFEST_FILE} lists no files.")
    present = set(regular_files(path)) - {MANIFEST_FILE}
    for file in sorted(present - manifest.files.keys()):
        raise RefusedVersion(f"{file} is not listed in {MANIFEST_FILE}.")
    for file, expected in manifest.files.items():
        if file not in present:
            raise RefusedVersion(f"{file} is missing.")
        _check_unchanged(path, file, expected)
    return StoredVersion(name, version, path, manifest, hashlib.sha256(data).hexdigest())


def regular_files(path: Path, prefix: str = "") -> Iterator[str]:
    """Relative POSIX paths of the files under a directory, sorted, without hidden ones; `prefix` goes before each.

    Hidden files (a Finder's .DS_Store, an NFS server's .nfs...) are left out rather than refused: nothing reads them,
    and a manifest cannot list them.

    Raises:
        RefusedVersion: Something is neither a directory nor a regular file. Symbolic links are refused even when they
            stay inside: a version is what its directory holds.
    """
    with os.scandir(path) as scan:
        entries = sorted((entry for entry in scan if not entry.name.startswith(".")), key=lambda entry: entry.name)
    for entry in entries:
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            yield from regular_files(Path(entry.path), f"{prefix}{entry.name}/")
        elif stat.S_ISREG(mode):
            yield f"{prefix}{entry.name}"
        else:
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "neither a file nor a directory"
            raise RefusedVersion(f"{prefix}{entry.name} is {kind}; a version holds only files.")


def record(path: Path) -> FileRecord:
    """Hash and size of a file."""
    with path.open("rb") as file:
        return FileRecord(sha256=hashlib.file_digest(file, "sha256").hexdigest(), size=file.tell())


def _check_unchanged(path: Path, file: str, expected: FileRecord) -> None:
    size = (path / file).stat().st_size
    if size != expected.size:
        raise RefusedVersion(f"{file} has {size} bytes instead of {expected.size}.")
    if record(path / file).sha256 != expected.sha256:
        raise RefusedVersion(f"{file} was changed: its sha256 is not the one in {MANIFEST_FILE}.")


def _parse(data: bytes) -> Manifest:
    try:
        found = Manifest.model_validate_json(data)
        check_members(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise RefusedVersion(f"{MANIFEST_FILE} cannot be understood: {where}: {first['msg']}.") from error
    except ValueError as error:
        raise RefusedVersion(f"{MANIFEST_FILE} cannot be understood: {error}.") from error
    return found


def _is_name(name: str) -> bool:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _is_version(entry: Path) -> bool:
    # isdecimal alone would take "٣" and "01", of which int() makes numbers that are not the directory's name.
    return entry.name.isascii() and entry.name.isdecimal() and not entry.name.startswith("0") and entry.is_dir()
