"""How a version comes into the store: files first, manifest last, then one atomic rename.

A reader sees the whole version or none of it, even if the machine loses power halfway. Publishing moves no label.
"""

import errno
import os
import secrets
import shutil
from pathlib import Path

from model_store.errors import StoreError, VersionExists
from model_store.manifest import MANIFEST_FILE, Manifest
from model_store.store import Store, StoredVersion, record, regular_files, verify


def publish(store: Store, source: Path, manifest: Manifest) -> StoredVersion:
    """Copies a directory into the store as the version that its manifest names.

    Args:
        store: Where to publish; its directory is made when it does not exist.
        source: The finished files: SavedModel, golden images, model card, licence, report. It is not changed. Hidden
            files and a `manifest.json` in it are left behind.
        manifest: Everything but `files`, which is filled in here; `store.next_version` gives a free number.

    Returns:
        The published version, verified.

    Raises:
        VersionExists: There is such a version already; a published version is never overwritten.
        RefusedVersion: The result would be refused by `Store.open`.
        pydantic.ValidationError: The manifest names golden images that are not in `source`, or `source` is no
            SavedModel.
        OSError: The store cannot be written. After any error nothing of the version remains.
    """
    destination = store.path(manifest.name, manifest.version)
    if destination.exists():
        raise _exists(manifest)
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(f".{destination.name}.partial-{secrets.token_hex(4)}")
    partial.mkdir()
    try:
        _write(source, partial, manifest)
        published = verify(partial, manifest.name, manifest.version)
        _rename(partial, destination, manifest)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return StoredVersion(published.name, published.version, destination, published.manifest, published.digest)


def _write(source: Path, partial: Path, manifest: Manifest) -> None:
    files = [file for file in regular_files(source) if file != MANIFEST_FILE]
    for file in files:
        (partial / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, partial / file)
        _sync(partial / file)
    filled = manifest.model_dump() | {"files": {file: record(partial / file) for file in files}}
    (partial / MANIFEST_FILE).write_bytes(Manifest.model_validate(filled).to_bytes())
    _sync(partial / MANIFEST_FILE)
    for folder in {(partial / file).parent for file in files} | {partial}:
        _sync(folder)


def _rename(partial: Path, destination: Path, manifest: Manifest) -> None:
    try:
        partial.rename(destination)
    except OSError as error:
        # Another publisher was faster: rename never replaces a directory that holds something.
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
            raise _exists(manifest) from error
        raise
    _sync(destination.parent)


def _exists(manifest: Manifest) -> StoreError:
    return VersionExists(f"{manifest.name}/{manifest.version} is published already and is never overwritten.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
