"""The command line of the training side."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from model_store.errors import StoreError
from training import accelerator_commands, commands, data_commands
from training.arguments import CommandError
from training.fetch import FetchFailed
from training.images import SourceError
from training.options import OPTIONS
from training.policies import POLICIES
from training.several import learn_together
from training.work import PREVALENCE

SHARES = "ham10000:0.45,isic2017:0.2,melanoma10000:0.35"
LEAST_EPOCH = 32
LEAST_SIDE = 44
"""Of which the front makes 31, the least that MobileNet's last convolutions can take."""

EPILOG = """examples:
  python -m training data                                what is there, and where each image goes
  python -m training data index --out runs/data          one table of all images; also: data leaks, data confounders
  python -m training classifier --weights imagenet       train from Keras's own ImageNet weights (internet access)
  python -m training classifier --from classifier/1 --phases 224:4 --run runs/next
                                                         go on from a published version for four epochs
  python -m training classifier --from classifier/1 --phases 224:0 --run runs/again
                                                         its weights as they are, with all that is new in the pipeline
  python -m training grader --classifier classifier/2    the stage grader on that classifier
  python -m training operating-points --version classifier/6
                                                         the same weights, thresholds chosen anew on validation images
  python -m training outside --weights FILE              each source left out in turn, about 2 hours on two cores
  python -m training pack --weights FILE                 what a machine with an accelerator needs, in one folder
  python -m training classifier --learned FILE           a version of what was learned there
  python -m training compare                             the paper's experiment, about 2 hours on two cores
  python -m training options --version classifier/2      what hair removal and the like do to it
  python -m training evaluate --version classifier/2     its figures on the test sets
  python -m training evaluate --version classifier/1 --runtime tensorflow a.jpg b.png

A run that was killed goes on from its last checkpoint when the same command is given again. Publishing never
overwrites a version and moves no label unless --label says so. Several GPUs learn together with --processes, several
machines where TF_CONFIG names them (docs/training.md). The models are for research use only.
"""


def _phases(text: str) -> tuple[tuple[int, int], ...]:
    """ "160:14,224:16" as ((160, 14), (224, 16))."""
    try:
        pairs = tuple((int(side), int(count)) for side, count in (part.split(":") for part in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError("write phases as SIDE:EPOCHS,SIDE:EPOCHS, such as 160:14,224:16") from error
    if any(side < LEAST_SIDE or count < 0 for side, count in pairs):
        raise argparse.ArgumentTypeError(f"a side is at least {LEAST_SIDE} pixels, and epochs are not negative")
    return pairs


def _sources(text: str) -> dict[str, float]:
    """ "ham10000:2,clinic:1" as {"ham10000": 2.0, "clinic": 1.0}."""
    try:
        shares = {name: float(share) for name, share in (part.split(":") for part in text.split(","))}
    except ValueError as error:
        raise argparse.ArgumentTypeError("write sources as FOLDER:SHARE,FOLDER:SHARE, such as ham10000:2") from error
    if not all(0 < share < float("inf") for share in shares.values()):
        raise argparse.ArgumentTypeError("a share is greater than 0")
    return shares


def _fraction(text: str, refusal: str) -> float:
    """A number between 0 and 1, neither of which it may be."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(refusal)
    return value


def _prevalence(text: str) -> float:
    return _fraction(text, "a prevalence lies between 0 and 1, such as 0.2")


def _learning_rate(text: str) -> float:
    return _fraction(text, "a learning rate lies between 0 and 1, such as 0.0002")


def _epoch_size(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_EPOCH:
        raise argparse.ArgumentTypeError(f"an epoch holds at least one batch, {LEAST_EPOCH} images")
    return int(text)


def _count(text: str) -> int:
    """The archive's program takes 0 for all that there is."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a number of images is 1 or more")
    return int(text)


def _processes(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a number of processes is 1 or more")
    return int(text)


def _add_reading(parser: argparse.ArgumentParser, *, given_before: bool = False) -> None:
    data, cache = (argparse.SUPPRESS,) * 2 if given_before else (Path("../shared/data"), Path("runs/cache"))
    parser.add_argument("--data", type=Path, default=data, help="folder of labelled image folders (../shared/data)")
    parser.add_argument(
        "--cache", type=Path, default=cache, help="prepared pixels, about 150 kB an image, made once (runs/cache)"
    )


def _setting(name: str, default: str) -> Path:
    """A folder as the service's own settings name it: a label that is moved elsewhere moves nothing that is served."""
    return Path(os.environ.get(name) or default)


def _add_common(parser: argparse.ArgumentParser) -> None:
    _add_reading(parser)
    parser.add_argument(
        "--store",
        type=Path,
        default=_setting("MELANOSERVE_STORE", "model_store/models"),
        help="where versions are published (MELANOSERVE_STORE, else model_store/models)",
    )


def _add_data(data: argparse.ArgumentParser) -> None:
    """`data` alone shows what is there; `data COMMAND` does more."""
    _add_reading(data)
    data.set_defaults(run_command=data_commands.show)
    add = data.add_subparsers(metavar="COMMAND", title="more about the data").add_parser
    for name, run, text in (
        ("index", data_commands.index, "write one table of all images: labels, facts, copies, split"),
        ("leaks", data_commands.leaks, "write which pictures are there more than once, and that no held-out one leaks"),
        ("confounders", data_commands.confounders, "write what the frame of a picture alone tells, for each source"),
    ):
        command = add(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        # Without defaults of their own: those would undo what was given before the command.
        _add_reading(command, given_before=True)
        command.add_argument(
            "--out", type=Path, default=Path("runs/data"), help="where to; it may show images, so do not commit it"
        )
        command.set_defaults(run_command=run)
    fetch = add("fetch", help="fetch collections of the ISIC Archive (needs internet access and isic-cli)")
    fetch.add_argument("collections", type=int, nargs="+", metavar="NUMBER", help="as `isic collection list` shows it")
    fetch.add_argument("--to", type=Path, required=True, help="folder for metadata.csv and images/")
    fetch.add_argument("--limit", type=_count, help="at most so many images")
    fetch.set_defaults(run_command=data_commands.get)


def _add_outside(outside: argparse.ArgumentParser) -> None:
    _add_reading(outside)
    outside.add_argument("--run", type=Path, default=Path("runs/outside"), help="working folder (runs/outside)")
    outside.add_argument(
        "--weights", default="imagenet", help="a .weights.h5 file, imagenet, or none (default imagenet)"
    )
    outside.add_argument("--phases", type=_phases, help="SIDE:EPOCHS,... (default 224:10)")
    outside.add_argument("--epoch-size", type=_epoch_size, help="images drawn per epoch (default 4000)")
    outside.add_argument("--seed", type=int, help="seed of sampling and augmentation")
    outside.add_argument("--only", nargs="+", metavar="FOLDER", help="leave out only these, one after the other")
    outside.add_argument(
        "--option", choices=sorted(OPTIONS), help="do this to every picture, in training and in the test"
    )
    outside.add_argument(
        "--learned", type=Path, metavar="FOLDER", help="measure what an accelerator learned without each, see pack"
    )
    outside.set_defaults(run_command=commands.leave_sources_out)


def _add_pack(pack: argparse.ArgumentParser) -> None:
    _add_reading(pack)
    pack.add_argument("--out", type=Path, default=Path("runs/pack"), help="where to (runs/pack); it holds images")
    pack.add_argument("--weights", default="imagenet", help="a .weights.h5 file, imagenet, or none (default imagenet)")
    pack.add_argument("--sources", type=_sources, help=f"FOLDER:SHARE,... for the classifier (default {SHARES})")
    pack.set_defaults(run_command=accelerator_commands.write_pack)


def _add_compare(compare: argparse.ArgumentParser) -> None:
    _add_reading(compare)
    compare.add_argument("--run", type=Path, default=Path("runs/compare"), help="working folder (runs/compare)")
    compare.add_argument(
        "--weights",
        default="../shared/weights",
        help="folder of ImageNet weights, or imagenet to download Keras's (../shared/weights); what has none starts "
        "from random weights, on small pictures, and is never chosen",
    )
    compare.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these rows, such as cnn-scratch")
    compare.set_defaults(run_command=commands.compare_models)


def _add_publishing(parser: argparse.ArgumentParser, run: str) -> None:
    parser.add_argument("--run", type=Path, default=Path(run), help="working folder: checkpoints, history, artifact")
    parser.add_argument("--label", help="move this label (such as stable) to the published version")
    parser.add_argument(
        "--state",
        type=Path,
        default=_setting("MELANOSERVE_STATE", "state"),
        help="folder that holds moved labels (MELANOSERVE_STATE, else state)",
    )


def _add_classifier(classifier: argparse.ArgumentParser) -> None:
    _add_common(classifier)
    _add_publishing(classifier, "runs/classifier")
    start = classifier.add_mutually_exclusive_group()
    start.add_argument("--weights", default="imagenet", help="a .weights.h5 file, imagenet, or none (default imagenet)")
    start.add_argument(
        "--from",
        dest="start",
        metavar="NAME/N",
        help="go on from a published classifier, of the store or by its folder",
    )
    start.add_argument("--learned", type=Path, metavar="FILE", help="take what an accelerator learned, see pack")
    classifier.add_argument("--phases", type=_phases, help="SIDE:EPOCHS,... (default 224:30)")
    classifier.add_argument("--sources", type=_sources, help=f"FOLDER:SHARE,... to train on (default {SHARES})")
    classifier.add_argument("--epoch-size", type=_epoch_size, help="images drawn per epoch (default 4000)")
    classifier.add_argument(
        "--learning-rate", type=_learning_rate, help="the highest, from which it falls along a cosine (default 0.0002)"
    )
    classifier.add_argument(
        "--compute", choices=("f32", "bf16"), help="bf16: mixed precision, for GPUs, no faster on processors (f32)"
    )
    classifier.add_argument(
        "--processes", type=_processes, default=1, help="learn in so many processes, each with a GPU of its own if any"
    )
    classifier.add_argument("--seed", type=int, help="seed of sampling and augmentation")
    classifier.add_argument(
        "--prevalence",
        type=_prevalence,
        default=PREVALENCE,
        help=f"share of malignant lesions to calibrate for (default {PREVALENCE})",
    )
    classifier.add_argument(
        "--photographs", type=Path, metavar="DIR", help="photographs of anything else, to learn what not to answer"
    )
    classifier.set_defaults(run_command=commands.train_classifier)


def _add_grader(grader: argparse.ArgumentParser) -> None:
    _add_common(grader)
    _add_publishing(grader, "runs/grader")
    grader.add_argument(
        "--classifier", metavar="NAME/N", help="the classifier to build on (default the newest of the store)"
    )
    grader.add_argument(
        "--policy",
        choices=sorted(POLICIES),
        help="what a grade is learned from (default thickness where enough images record it, else invasion)",
    )
    grader.set_defaults(run_command=commands.train_grader)


def _add_points(points: argparse.ArgumentParser) -> None:
    _add_common(points)
    _add_publishing(points, "runs/operating-points")
    points.add_argument("--version", metavar="NAME/N", help="which version (default the newest classifier)")
    points.set_defaults(run_command=commands.choose_points)


def _add_options(options: argparse.ArgumentParser) -> None:
    _add_common(options)
    options.add_argument("--version", metavar="NAME/N", help="which version (default the newest classifier)")
    options.set_defaults(run_command=commands.measure_options)


def _add_evaluate(evaluate: argparse.ArgumentParser) -> None:
    _add_common(evaluate)
    evaluate.add_argument("--version", metavar="NAME/N", help="which version (default the newest classifier)")
    evaluate.add_argument(
        "--runtime", choices=("openvino", "tensorflow"), default="openvino", help="what runs it (default openvino)"
    )
    evaluate.add_argument(
        "--precision",
        choices=("auto", "f32", "bf16"),
        default="auto",
        help="auto takes bf16 where processor and manifest allow it, else f32 (default auto)",
    )
    evaluate.add_argument("images", nargs="*", type=Path, help="image files; without any, the test sets")
    evaluate.set_defaults(run_command=commands.evaluate)


def parser() -> argparse.ArgumentParser:
    """The commands and their options; each sets `run_command`."""
    whole = argparse.ArgumentParser(
        prog="python -m training",
        description="Trains, measures and publishes melanoserve's models from folders of labelled dermoscopic images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = whole.add_subparsers(required=True, metavar="COMMAND").add_parser
    _add_data(add("data", help="show sources, splits and copies; write index and reports; fetch"))
    _add_classifier(add("classifier", help="train and publish a classifier"))
    _add_grader(add("grader", help="train and publish a stage grader"))
    _add_points(add("operating-points", help="publish a classifier again, its thresholds chosen anew"))
    _add_outside(add("outside", help="leave one source out: how far a recipe gets where it never was"))
    _add_pack(add("pack", help="write what learning on a machine with an accelerator needs into one folder"))
    _add_compare(add("compare", help="the paper's experiment: every model of it by one recipe, in one table"))
    _add_options(add("options", help="what hair removal, cropping and the like do to a published version"))
    _add_evaluate(add("evaluate", help="measure a published version, or show what it says of files"))
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 1 after a one-sentence error on stderr."""
    options = parser().parse_args(arguments)
    try:
        if getattr(options, "processes", 1) > 1:
            return learn_together(options.processes, sys.argv[1:] if arguments is None else arguments, options.run)
        options.run_command(options)
    except (CommandError, FetchFailed, SourceError, StoreError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0
