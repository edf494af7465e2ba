"""What the commands of `python -m training` do for a machine with an accelerator, and with what it learned."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from model_store.store import Store
from training.arguments import (
    CommandError,
    announce,
    check_publishing,
    describe_photographs,
    describe_weights,
    read_table,
    refuse_beside_learned,
    sources_left_out,
)
from training.runs import alone_in, remember
from training.splits import EXTERNAL, SHOWN, Split, split
from training.table import Table

CLASSIFIER = "classifier"


def outside_name(source: str) -> str:
    """Of the network that learns without a source, and of its file."""
    return f"without-{source}"


def write_pack(options: argparse.Namespace) -> None:
    """Write what learning the classifier needs and, of the default sources, learning without each of them."""
    from training.accelerator.learned import weights_of  # noqa: PLC0415  # these import TensorFlow
    from training.accelerator.pack import Task, pack  # noqa: PLC0415
    from training.accelerator.recipe import Recipe  # noqa: PLC0415
    from training.fit import Recipe as Shares  # noqa: PLC0415
    from training.network import build_network  # noqa: PLC0415
    from training.outside import SOURCES, leave_out  # noqa: PLC0415
    from training.release import check_ready  # noqa: PLC0415
    from training.work import PREVALENCE, Work  # noqa: PLC0415

    network, base = build_network(options.weights), describe_weights(options.weights)
    shares = options.sources or Shares().sources
    # What publishing reads, and no more: where an image is there that is not here, roles differ.
    read = {*shares, *EXTERNAL, *SHOWN}
    table = read_table(options, read, needed=shares)
    roles, recipe, there = split(table), Recipe(), {image.source for image in table.images}
    check_ready(Work(table, roles, options.out, PREVALENCE, {}, shares=shares))
    tasks = [Task(CLASSIFIER, roles, shares, recipe, base)]
    if read == {*SOURCES, *EXTERNAL, *SHOWN} and there.issuperset(SOURCES):
        for source in SOURCES:
            others = {name: 1.0 for name in SOURCES if name != source}
            tasks.append(Task(outside_name(source), leave_out(table, source, SOURCES), others, recipe, base))
    count = pack(table, tasks, weights_of(network), options.out)
    print(f"{count} images for {', '.join(task.name for task in tasks)}: {options.out}")
    print(f"there: python -m training.accelerator {options.out.name} learned")


def publish_learned(options: argparse.Namespace) -> None:
    """Export, measure and publish a classifier that was learned on an accelerator."""
    from training.accelerator.learned import give  # noqa: PLC0415
    from training.accelerator.stored import read_learned  # noqa: PLC0415
    from training.network import build_network  # noqa: PLC0415
    from training.release import check_ready, release_classifier  # noqa: PLC0415
    from training.work import Work  # noqa: PLC0415

    refuse_beside_learned(options, "phases", "sources", "epoch_size", "learning_rate", "seed")
    store = Store(options.store)
    check_publishing(options, store)
    learned = read_learned(options.learned)
    described = dict(learned.described)
    sources = {name: float(share) for name, share in (one.rsplit(":", 1) for one in described["sources"])}
    network = build_network("none")
    give(network, learned)
    table = read_table(options, {*sources, *EXTERNAL, *SHOWN}, needed=sources)
    roles = split(table)
    _check_images(options.learned, described, roles, table)
    dataset = described.pop("dataset")
    recipe: dict[str, Any] = described.pop("recipe") | described | {"prevalence": options.prevalence}
    recorded = recipe | describe_photographs(options.photographs)
    work = Work(
        table, roles, options.run, options.prevalence, recorded, photographs=options.photographs, shares=sources
    )
    check_ready(work)
    with alone_in(options.run):
        remember(options.run, recipe=recipe, split={"digest": described["split"]}, dataset=dataset)
        history = "".join(json.dumps(line) + "\n" for line in learned.history)
        (options.run / "history.jsonl").write_text(history, "utf-8")
        announce(options, store, release_classifier(network, work, store))


def measure_learned(options: argparse.Namespace) -> None:
    """Print what networks that were learned on an accelerator reach on the source that each never saw."""
    from training.accelerator.learned import give  # noqa: PLC0415
    from training.accelerator.stored import read_learned  # noqa: PLC0415
    from training.network import build_network  # noqa: PLC0415
    from training.outside import SOURCES, leave_out, measure_outside, table_of  # noqa: PLC0415

    refuse_beside_learned(options, "phases", "epoch_size", "seed", "option")
    chosen = sources_left_out(options)
    table = read_table(options, {*SOURCES, *EXTERNAL, *SHOWN}, needed=SOURCES)
    network, results = build_network("none"), []
    for source in chosen:
        file = options.learned / f"{outside_name(source)}.npz"
        learned, roles = read_learned(file), leave_out(table, source, SOURCES)
        _check_images(file, learned.described, roles, table)
        give(network, learned)
        results.append(measure_outside(network, table, roles, source))
    print(table_of(results))


def _check_images(file: Path, described: dict[str, Any], roles: Split, table: Table) -> None:
    """What was learned from must be what is not held out here, and labelled and painted as it is here."""
    if described["split"] != roles.digest(table):
        raise CommandError(f"{file} was learned with other roles of the images: pack these images and learn again")
    if described.get("dataset") != roles.contents(table):
        changed = "labels were corrected or pictures exchanged since these images were packed"
        raise CommandError(f"{file} was learned from other images, or {changed}: pack these images and learn again")
