"""Labels say which version is served: `stable`, `canary`, each a version number and its digest.

Labels shipped with the store lie in `ROOT/labels.json`. Those that an operator moved lie in `STATE/labels.json`, in the
same form, and win, label by label. They are apart because the service reads the store but cannot write to it. To change
the shipped labels themselves, make `Labels` with the store's root as its state.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import Field, RootModel, TypeAdapter, ValidationError

from model_store.errors import RefusedVersion, UnknownLabel, UnreadableLabels
from model_store.manifest import ModelName, Pinned, Record, Sha256
from model_store.members import check_members
from model_store.store import Store, StoredVersion

LABELS_FILE = "labels.json"

CANARY = "canary"
"""The one label with a share of the requests that name neither version nor label."""

LabelName = ModelName
_LABEL: TypeAdapter[str] = TypeAdapter(LabelName)
_FOR_ALL_TO_READ = 0o644


class Pin(Record):
    """What a label points to."""

    version: int = Field(ge=1)
    digest: Sha256


class Entry(Pin):
    """A label, and where it pointed before it was last moved."""

    previous: Pin | None = None
    share: float | None = Field(default=None, ge=0, le=1)


class Label(Pinned):
    """Where a label points."""

    share: float | None = None
    """Of the requests that name neither version nor label, how many go here instead of to `stable`, 0 to 1."""


class LabelsFile(RootModel[dict[ModelName, dict[LabelName, Entry]]]):
    """Model -> label -> where it points."""


class Labels:
    """The labels in force; every call reads the files, so a move by another process shows at once."""

    def __init__(self, store: Store, state: Path) -> None:
        self._store = store
        self._shipped = store.root / LABELS_FILE
        self._moved = state / LABELS_FILE

    def all(self, name: str) -> dict[str, Label]:
        """Every label of a model, sorted; the version may be missing or refused by now: `resolve` finds out.

        Raises:
            UnreadableLabels: A labels file is damaged.
        """
        entries = sorted(self._entries(name).items())
        return {label: _label(name, entry) for label, entry in entries}

    def get(self, name: str, label: str) -> Label:
        """Where a label points.

        Raises:
            UnknownLabel: No version of the model carries it.
            UnreadableLabels: A labels file is damaged.
        """
        return _label(name, self._entry(name, label))

    def resolve(self, name: str, label: str) -> StoredVersion:
        """Opens and verifies the version that a label points to.

        Raises:
            UnknownLabel: No version of the model carries it.
            UnknownModel, UnknownVersion: The version is no longer in the store.
            RefusedVersion: It does not verify, or is not the one that was labelled: its digest is another.
            UnreadableLabels: A labels file is damaged.
        """
        return open_pinned(self._store, self.get(name, label))

    def move(
        self, name: str, label: str, version: int, digest: str | None = None, *, share: float | None = None
    ) -> Label:
        """Points a label to a version, which must verify; readers see the old pin or the new one, nothing between.

        Args:
            name: The model.
            label: Such as `stable`; it is made when it does not exist.
            version: The version to point to.
            digest: Its expected digest; without it the version is taken as it lies in the store.
            share: Of the requests that name neither version nor label, how many go to this label, 0 to 1; without it
                the label keeps the share that it has.

        Returns:
            What is now in force.

        Raises:
            UnknownModel, UnknownVersion: There is nothing to point to.
            RefusedVersion: The version does not verify or has another digest.
            UnknownLabel: The label's name is not of lower-case letters, digits, "-" and "_".
            UnreadableLabels: A labels file is damaged; it is left as it is.
            OSError: The state folder cannot be written.
        """
        _check_label(label)
        opened = self._store.open(name, version)
        if digest is not None:
            _check_digest(opened, digest)
        with self._locked():
            before = self._entries(name).get(label)
            kept = before.share if before is not None and share is None else share
            now = _moved(before, Pin(version=version, digest=opened.digest), kept)
            self._write(name, label, now)
        return _label(name, now)

    def move_back(self, name: str, label: str) -> Label:
        """Points a label to where it pointed before its last move, if that version still verifies unchanged.

        Doing it twice undoes it. Raises what `move` raises.
        """
        with self._locked():
            before = self._entry(name, label)
            if before.previous is None:
                raise UnknownLabel(f"{name} {label} was never moved: there is nothing to move it back to.")
            open_pinned(self._store, Pinned(name=name, **dict(before.previous)))
            now = _moved(before, before.previous, before.share)
            self._write(name, label, now)
        return _label(name, now)

    def _entry(self, name: str, label: str) -> Entry:
        entry = self._entries(name).get(label)
        if entry is None:
            raise UnknownLabel(f"No version of {name} is labelled {label!r}.")
        return entry

    def _entries(self, name: str) -> dict[str, Entry]:
        return _read(self._shipped).get(name, {}) | _read(self._moved).get(name, {})

    def _write(self, name: str, label: str, entry: Entry) -> None:
        everything = _read(self._moved)
        everything[name] = everything.get(name, {}) | {label: entry}
        data = LabelsFile(everything).model_dump_json(indent=2, exclude_none=True) + "\n"
        _replace(self._moved, data.encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The lock is on the folder: a lock file could be deleted between two processes that then both hold "it".
        self._moved.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._moved.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
            # A version that was moved away from must not come back when the power fails now.
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_pinned(store: Store, pinned: Pinned) -> StoredVersion:
    """Opens the version that a label or a grader's manifest pins.

    Raises:
        UnknownModel, UnknownVersion: It is not in the store.
        RefusedVersion: It does not verify, or is not the one that was pinned: its digest is another.
    """
    opened = store.open(pinned.name, pinned.version)
    _check_digest(opened, pinned.digest)
    return opened


def _check_digest(opened: StoredVersion, digest: str) -> None:
    if opened.digest != digest:
        where = f"{opened.name}/{opened.version}"
        raise RefusedVersion(f"{where} has the digest {opened.digest[:12]}, but {digest[:12]} was asked for.")


def _check_label(label: str) -> None:
    try:
        _LABEL.validate_python(label)
    except ValidationError as error:
        raise UnknownLabel(f"{label!r} cannot be a label: use lower-case letters, digits, '-' and '_'.") from error


def _moved(before: Entry | None, now: Pin, share: float | None) -> Entry:
    """A move to where the label points already keeps what came before, or it could not be moved back any more."""
    if before is None:
        return Entry(version=now.version, digest=now.digest, share=share)
    last = Pin(version=before.version, digest=before.digest)
    previous = before.previous if last == now else last
    return Entry(version=now.version, digest=now.digest, previous=previous, share=share)


def _label(name: str, entry: Entry) -> Label:
    return Label(name=name, version=entry.version, digest=entry.digest, share=entry.share)


def _read(path: Path) -> dict[str, dict[str, Entry]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnreadableLabels(f"{path.parent.name}/{path.name} cannot be read: {error.strerror}.") from error
    # Falling back to the shipped labels would quietly serve another model than the operator chose.
    try:
        found = LabelsFile.model_validate_json(data).root
        check_members(data)
    except ValidationError as error:
        raise _unreadable(path, error.errors(include_url=False)[0]["msg"]) from error
    except ValueError as error:  # of two entries for one label, by whoever repaired the file, either may be meant
        raise _unreadable(path, str(error)) from error
    return found


def _unreadable(path: Path, why: str) -> UnreadableLabels:
    return UnreadableLabels(f"{path.parent.name}/{path.name} cannot be understood: {why}.")


def _replace(path: Path, data: bytes) -> None:
    """Replaces a file so that a reader, or a machine that starts again, finds the old or the new content whole."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            # Whoever moves a label may keep all files to himself, and the service runs as somebody else.
            with suppress(OSError):  # on some disks all files have the same rights
                os.fchmod(file.fileno(), _FOR_ALL_TO_READ)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
