"""What the commands of `python -m training` make of their options, and what several of them do."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from PIL import Image as Pillow
from PIL import UnidentifiedImageError
from pydantic import TypeAdapter, ValidationError

from model_store.labels import LabelName, Labels
from model_store.store import Store, StoredVersion
from training.images import Image
from training.sources import read_sources
from training.table import Table, build_table


class CommandError(Exception):
    """The command cannot do what was asked; the message says why and what to do."""


def read_images(
    options: argparse.Namespace, sources: Collection[str] | None = None, *, needed: Collection[str] = ()
) -> list[Image]:
    """The images of the data folder, or of the named sources in it.

    Args:
        options: Of the command: `data`.
        sources: Those that have a part; the others are passed over. Without it all have one.
        needed: Those that must be there: the manifest says from which sources a version learned.

    Raises:
        CommandError: A source that is needed is not there, or none that has a part.
    """
    images = read_sources(options.data)
    there = {image.source for image in images}
    absent = set(needed) - there
    if not absent and sources is not None and there.isdisjoint(sources):
        absent = set(sources)
    if absent:
        # Before the images are prepared, which takes minutes.
        named = ", ".join(sorted(absent))
        raise CommandError(f"there is no source {named} in {options.data}; there is: {', '.join(sorted(there))}")
    if sources is None:
        return images
    passed_over = sorted(there - set(sources))
    if passed_over:
        print(f"passed over, as they have no part in this version: {', '.join(passed_over)}", file=sys.stderr)
    return [image for image in images if image.source in sources]


def read_table(
    options: argparse.Namespace, sources: Collection[str] | None = None, *, needed: Collection[str] = ()
) -> Table:
    """The same images, prepared."""
    return build_table(read_images(options, sources, needed=needed), options.cache)


def published(store: Store, name: str) -> StoredVersion:
    """A version by its name in the store, such as classifier/1, or by its folder in another store."""
    folder = Path(name)
    model, number = folder.parent.name, folder.name
    if not model or not number.isdecimal():
        raise CommandError(f"{name!r} is no version: write it as classifier/1, or name a version's folder")
    elsewhere = folder.is_absolute() or len(folder.parts) > 2
    return (Store(folder.parent.parent) if elsewhere else store).open(model, int(number))


def newest_classifier(store: Store) -> str:
    """The last published classifier, as classifier/N."""
    numbers = store.versions("classifier")
    if not numbers:
        raise CommandError(f"there is no classifier in {store.root}: train one first, or name it")
    return f"classifier/{numbers[-1]}"


def check_publishing(options: argparse.Namespace, store: Store) -> None:
    """Hours of training must not end at a store that cannot be written, or, with the version published, at its label.

    Raises:
        CommandError: One of them does not go; the message says why.
        UnreadableLabels: A labels file is damaged.
    """
    _try_writing(store.root, "store")
    if options.label is None:
        return
    try:
        TypeAdapter(LabelName).validate_python(options.label)
    except ValidationError as error:
        allowed = "use lower-case letters, digits, '-' and '_'"
        raise CommandError(f"{options.label!r} cannot be a label: {allowed}") from error
    _try_writing(options.state, "state folder")
    Labels(store, options.state).all("classifier")


def _try_writing(folder: Path, what: str) -> None:
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandError(f"the {what} {folder} cannot be written: {error.strerror}") from error


def announce(options: argparse.Namespace, store: Store, version: StoredVersion) -> None:
    """Say what was published, and move the label that the options name."""
    print(f"published {version.name}/{version.version}, digest {version.digest[:12]}, at {version.path}")
    if options.label:
        Labels(store, options.state).move(version.name, options.label, version.version, version.digest)
        print(f"label {options.label} of {version.name} moved to version {version.version}")
    else:
        moving = f"python -m model_store label {version.name} stable {version.version}"
        print(f"no label was moved; to serve it by default: {moving}")


def sources_left_out(options: argparse.Namespace) -> Sequence[str]:
    """The sources that `outside` leaves out, one after the other: all, or those of --only.

    Raises:
        CommandError: One takes no part; before the first of them takes half an hour.
    """
    from training.outside import SOURCES  # noqa: PLC0415  # imports TensorFlow

    for source in options.only or ():
        if source not in SOURCES:
            raise CommandError(f"{source} is none of {', '.join(SOURCES)}")
    return options.only or SOURCES


def refuse_beside_learned(options: argparse.Namespace, *names: str) -> None:
    """What was learned elsewhere is neither learned again nor shown other pictures.

    Raises:
        CommandError: An option asks for that.
    """
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) is not None]
    if given:
        raise CommandError(f"{' and '.join(given)} would change nothing of what --learned names: leave it out")


def describe_photographs(folder: Path | None) -> dict[str, str]:
    """Of what else the gate learns from: how many files, in which folders, and a digest of their contents."""
    if folder is None:
        return {}
    from training.wrong.photographs import images_in  # noqa: PLC0415

    files = images_in(folder)
    if not files:
        raise CommandError(f"no photographs (JPEG, PNG, WebP) below {folder}")
    for file in files:  # before the training, although they are needed after it
        _try_opening(file)
    digest = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()
    parts = sorted({file.relative_to(folder).parts[0] for file in files if file.parent != folder})
    return {"photographs": f"{len(files)} files of {', '.join([folder.name, *parts])} (sha256 {digest[:12]})"}


def _try_opening(file: Path) -> None:
    try:
        with Pillow.open(file):
            pass
    except UnidentifiedImageError as error:
        raise CommandError(f"{file} is no photograph that can be read") from error


def describe_weights(weights: str) -> dict[str, str]:
    """What a network starts from, for the manifest: "imagenet", "none", or a file's name and digest."""
    if weights in ("imagenet", "none"):
        return {"base": weights}
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    return {"base": f"{Path(weights).name} (sha256 {digest[:12]})"}
