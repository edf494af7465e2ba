"""What the commands of `python -m training` do."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from dermoscopy.errors import ImageError
from dermoscopy.prepare import Prepared, prepare
from dermoscopy.quality import measure
from model_store.decision import decide, grade
from model_store.runtime import Runtime, load
from model_store.store import Store, StoredVersion
from training import accelerator_commands
from training.arguments import (
    CommandError,
    announce,
    check_publishing,
    describe_photographs,
    describe_weights,
    newest_classifier,
    published,
    read_images,
    read_table,
    sources_left_out,
)
from training.evaluation import test_rows, test_sets
from training.figures import measure_all
from training.options import OPTIONS, text_of
from training.options import measure_options as measure_each_option
from training.policies import POLICIES
from training.runs import alone_in, remember
from training.splits import EXTERNAL, SHOWN, Split, split
from training.table import Table, build_table, changed_table

OUTSIDE_PHASES = ((224, 10),)
"""Of each network that learns without a source, where --phases says nothing else."""


def _recipe(options: argparse.Namespace) -> Any:
    from training.fit import Recipe  # noqa: PLC0415  # imports TensorFlow, seconds that --help should not take

    recipe = Recipe()
    given = {
        name: getattr(options, name) for name in ("sources", "phases", "epoch_size", "learning_rate", "seed", "compute")
    }
    if options.start:
        given["warmup_steps"] = 0  # a published head is trained already
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


def _describe_base(options: argparse.Namespace, store: Store) -> dict[str, Any]:
    """Where training starts; of a published version its recipe too, so that the manifest tells the whole way."""
    if options.start:
        version = published(store, options.start)
        recipes = _recipes(dict(version.manifest.training.recipe))
        return {"base": f"{version.name} with digest {version.digest}", "recipes_before": recipes}
    return describe_weights(options.weights)


def _recipes(latest: dict[str, Any]) -> list[str]:
    """A version's recipe and those of all that it goes back to, as JSON, the latest first.

    Older versions have theirs one inside the other, which doubled the backslashes with each.
    """
    nested, listed = latest.pop("recipe_of_base", None), latest.pop("recipes_before", [])
    return [json.dumps(latest), *listed, *([] if nested is None else _recipes(json.loads(nested)))]


def train_classifier(options: argparse.Namespace) -> None:
    """Train (or go on training), export, measure and publish a classifier."""
    if options.learned:
        accelerator_commands.publish_learned(options)
        return
    from training.export import load_published  # noqa: PLC0415
    from training.fit import Trainer  # noqa: PLC0415
    from training.monitor import Monitor  # noqa: PLC0415
    from training.network import build_network, in_float32  # noqa: PLC0415
    from training.release import check_ready, may_have_seen, release_classifier  # noqa: PLC0415
    from training.work import Work  # noqa: PLC0415
    from training.workers import join  # noqa: PLC0415

    workers = join()
    store = Store(options.store)
    check_publishing(options, store)
    if options.weights not in ("imagenet", "none") and not Path(options.weights).is_file():
        raise CommandError(f"no weights at {options.weights}: --weights takes a path, imagenet or none")
    recipe, base = _recipe(options), _describe_base(options, store)
    if not (recipe.epochs or options.start):
        raise CommandError("no epoch is left: without --from there are no weights that could be measured as they are")
    network = build_network("none" if options.start else options.weights)
    if options.start:
        load_published(network, published(store, options.start).path)
    # Outside of what the chief does first: what is wrong with the data ends all processes, and none waits for another.
    images = read_images(options, {*recipe.sources, *EXTERNAL, *SHOWN}, needed=recipe.sources)
    table = workers.chief_first(lambda: build_table(images, options.cache))
    roles = split(table)
    described = {**base, "prevalence": options.prevalence, **recipe.describe()}
    # Not among what a run remembers: the gate learns from them after the training, so they may come with its last call.
    recorded = described | describe_photographs(options.photographs) | {"split": roles.digest(table)}
    work = Work(
        table, roles, options.run, options.prevalence, recorded, photographs=options.photographs, shares=recipe.sources
    )
    check_ready(work)
    if options.start:
        work = replace(work, seen=may_have_seen(published(store, options.start).manifest, work))
    started = {"recipe": described, "split": {"digest": roles.digest(table)}, "dataset": roles.contents(table)}
    with alone_in(options.run) if workers.chief else nullcontext():
        workers.chief_first(lambda: remember(options.run, **started))
        if recipe.epochs:
            trainer = Trainer(network, recipe, table, roles, options.run, workers=workers)
            trainer.fit(Monitor(network, table, roles, options.run / "history.jsonl", recipe.epochs))
        if not workers.chief:
            print("trained; the first process of the cluster measures and publishes")
            return
        exact = in_float32(network) if recipe.compute != "f32" else network
        announce(options, store, release_classifier(exact, work, store))


def choose_points(options: argparse.Namespace) -> None:
    """Choose a published classifier's operating points anew, measure, and publish it with them."""
    from training.release import may_have_seen  # noqa: PLC0415
    from training.release_points import release_points  # noqa: PLC0415
    from training.work import Work  # noqa: PLC0415

    store = Store(options.store)
    check_publishing(options, store)
    version = published(store, options.version or newest_classifier(store))
    if version.manifest.calibration is None:
        raise CommandError(f"{version.name}/{version.version} is no classifier")
    # Of what it did not learn from it has no validation images: a threshold chosen there would be another clinic's.
    table = read_table(options, {source.name for source in version.manifest.training.sources})
    roles = split(table)
    recorded: dict[str, Any] = {
        "operating_points_of": f"{version.name}/{version.version} with digest {version.digest}",
        "operating_points_split": roles.digest(table),
    }
    work = Work(table, roles, options.run, version.manifest.calibration.prevalence, recorded)
    work = replace(work, seen=may_have_seen(version.manifest, work))
    with alone_in(options.run):
        announce(options, store, release_points(version, work, store))


def train_grader(options: argparse.Namespace) -> None:
    """Train, measure and publish a grader on a published classifier."""
    from training.network import build_network  # noqa: PLC0415
    from training.release_grader import release_grader  # noqa: PLC0415

    store = Store(options.store)
    check_publishing(options, store)
    classifier = published(store, options.classifier or newest_classifier(store))
    if classifier.path.resolve() != store.path(classifier.name, classifier.version).resolve():
        raise CommandError(f"a grader is served beside its classifier, but {options.classifier} is not in {store.root}")
    policy, table = POLICIES[options.policy] if options.policy else None, read_table(options)
    with alone_in(options.run):
        announce(
            options,
            store,
            release_grader(build_network("none"), table, classifier, options.run, store, policy=policy),
        )


def leave_sources_out(options: argparse.Namespace) -> None:
    """Train without each source in turn and print what is reached on it."""
    if options.learned:
        accelerator_commands.measure_learned(options)
        return
    from training.fit import Recipe  # noqa: PLC0415
    from training.outside import SOURCES, run_outside, table_of  # noqa: PLC0415

    chosen = sources_left_out(options)
    table = read_table(options, needed=SOURCES)
    if options.option:
        table = changed_table(table, options.option, OPTIONS[options.option], options.cache)
    results = []
    for source in chosen:
        phases = options.phases or OUTSIDE_PHASES
        given = {"phases": phases, "epoch_size": options.epoch_size, "seed": options.seed}
        recipe = replace(
            Recipe(),
            sources={name: 1.0 for name in SOURCES if name != source},
            **{name: value for name, value in given.items() if value is not None},
        )
        # As in the whole recipe, pairs come after the network knows something.
        recipe = replace(recipe, paired_epochs=min(recipe.paired_epochs, recipe.epochs * 2 // 3))
        folder = options.run / source
        results.append(run_outside(recipe, options.weights, table, folder, source, option=options.option or "none"))
        print(table_of(results))


def compare_models(options: argparse.Namespace) -> None:
    """Run the paper's experiment and print its table."""
    from training.paper.compare import UnknownCandidate, compare  # noqa: PLC0415
    from training.paper.recipe import PaperRecipe  # noqa: PLC0415

    if options.weights != "imagenet" and not Path(options.weights).is_dir():
        raise CommandError(f"no folder of weights at {options.weights}: --weights takes a folder, or imagenet")
    try:
        print(compare(read_table(options), options.run, options.weights, PaperRecipe(), options.only))
    except UnknownCandidate as error:
        raise CommandError(str(error)) from error
    print(f"plots and every figure: {options.run}")


def evaluate(options: argparse.Namespace) -> None:
    """Print what a published version says of given files, or its figures on the test sets."""
    store = Store(options.store)
    version = published(store, options.version or newest_classifier(store))
    runtime = load(version, runtime=options.runtime, precision=options.precision)
    if options.images:
        for path in options.images:
            print(json.dumps({"file": str(path), **_answer(version, runtime, path)}))
        return
    if version.manifest.calibration is None:
        raise CommandError("a grader is measured by cross-validation when it is trained; see its model card")
    table = read_table(options, {source.name for source in version.manifest.training.sources})
    roles = split(table)
    _warn_of_other_roles(version, roles, table)
    _warn_of_seen_images(version)
    thresholds = {point.name: point.threshold for point in version.manifest.operating_points}
    prevalence = version.manifest.calibration.prevalence
    tests = test_sets(runtime, table, roles)
    found_all = measure_all(runtime, table, roles, tests, prevalence=prevalence, thresholds=thresholds)
    for name, found in found_all.items():
        print(f"\n{name}: {found.description}\n{found.images} images of {found.groups} lesions")
        for metric, value in found.metrics.items():
            print(f"  {metric:70} {value.value:.4f}  ({value.low:.4f} to {value.high:.4f})")


def measure_options(options: argparse.Namespace) -> None:
    """Print what each option of `training.options` does to a published version on held-out images."""
    store = Store(options.store)
    version = published(store, options.version or newest_classifier(store))
    if version.manifest.task != "classification":
        raise CommandError(f"{version.name}/{version.version} is no classifier")
    table = read_table(options, {source.name for source in version.manifest.training.sources})
    roles = split(table)
    _warn_of_other_roles(version, roles, table)
    _warn_of_seen_images(version)
    runtime, found = load(version), []
    for source, rows in test_rows(table, roles).items():
        found += measure_each_option(runtime, table, rows, source)
    print(text_of(found))


def _prepared(path: Path) -> Prepared:
    try:
        return prepare(path.read_bytes())
    except ImageError as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def _warn_of_other_roles(version: StoredVersion, roles: Split, table: Table) -> None:
    recorded = version.manifest.training.recipe.get("split")
    if recorded != roles.digest(table):
        text = (
            "it is not recorded that the version was trained on this split: some of its images may have been trained on"
        )
        print(f"warning: {text}", file=sys.stderr)


def _warn_of_seen_images(version: StoredVersion) -> None:
    """The manifest's word on it: a version that went on from one that saw them has the same roles all the same."""
    seen = [name for name, evaluation in version.manifest.evaluations.items() if evaluation.seen_in_training]
    if seen:
        text = f"the version may have learned from images of {', '.join(seen)}: their figures flatter it"
        print(f"warning: {text}", file=sys.stderr)


def _answer(version: StoredVersion, runtime: Runtime, path: Path) -> dict[str, Any]:
    prepared = _prepared(path)
    outputs = runtime.run(prepared.pixels[None])
    if version.manifest.task == "grading":
        graded = grade(version.manifest, outputs, 0)
        return {"stage": graded.stage, "probabilities": graded.probabilities}
    decision = decide(version.manifest, outputs, 0, measures=measure(prepared))
    found: dict[str, Any] = {
        "decision": decision.decision,
        "probability": decision.probability,
        "classes": decision.classes,
    }
    return found if decision.issues is None else found | {"issues": decision.issues}
