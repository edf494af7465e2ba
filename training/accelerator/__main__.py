"""`python -m training.accelerator PACK OUT`: learns what a pack asks for, on whatever device JAX finds."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax

from training.accelerator.learn import learn
from training.accelerator.loop import on_device
from training.accelerator.recipe import Recipe
from training.accelerator.stored import BadWeights, Learned, read_learned, write_learned
from training.accelerator.teachers import OTHERWISE, Course, Teacher, read_teacher, same_network
from training.accelerator.unpack import BadPack, Job, Pack, unpack

EPILOG = """examples:
  python -m training.accelerator runs/pack runs/learned
  python -m training.accelerator runs/pack runs/learned --only classifier --teachers 3
  python -m training.accelerator runs/pack runs/learned --only classifier --teachers 1 --teacher-weights runs/lite2.npz

It needs JAX for the device, optax, scikit-learn, Pillow and tqdm, and this folder. What is done already is not done
again. `python -m training classifier --learned runs/learned/classifier.npz` makes a version of it.
"""


def parser() -> argparse.ArgumentParser:
    """The options; those of the recipe are asked for by their names."""
    whole = argparse.ArgumentParser(
        prog="python -m training.accelerator",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("pack", type=Path, help="folder that `python -m training pack` wrote")
    whole.add_argument("out", type=Path, help="folder for the learned weights")
    whole.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only these of the pack's networks")
    whole.add_argument(
        "--teacher-weights",
        type=Path,
        metavar="FILE",
        help="what --teachers begin as, see training.accelerator.teacher_weights (default: the network they teach)",
    )
    for name, value in Recipe().describe().items():
        option = f"--{name.replace('_', '-')}"
        whole.add_argument(option, type=type(value), help=f"instead of the pack's own; see Recipe (default {value})")
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 1 after a one-sentence error on stderr."""
    options = parser().parse_args(arguments)
    if options.teacher_weights and not options.teachers:
        parser().error("--teacher-weights is of no use without --teachers")
    # Only of what is not bfloat16: JPEG's quantisation of nearly whole numbers is not to be done in ten bits.
    jax.config.update("jax_default_matmul_precision", "highest")  # type: ignore[no-untyped-call]
    try:
        pack = unpack(options.pack)
        teacher = read_teacher(options.teacher_weights) if options.teacher_weights else same_network(pack)
        _learn_all(pack, teacher, options)
    except (BadPack, BadWeights, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _learn_all(pack: Pack, teacher: Teacher, options: argparse.Namespace) -> None:
    print(f"{len(pack.pixels)} images; {jax.devices()[0].device_kind}", flush=True)
    data = on_device(pack)
    given = {name: getattr(options, name) for name in Recipe().describe() if getattr(options, name) is not None}
    options.out.mkdir(parents=True, exist_ok=True)
    courses = [
        Course(job, replace(Recipe(**job.recipe), **given), teacher, options.out) for job in _chosen(pack, options)
    ]
    # All of them are looked at before one takes its time.
    for course in [course for course in courses if not _is_done(course)]:
        weights, history = learn(pack.weights, data, course)
        write_learned(_file(course), Learned(weights, _described(course.job, course.recipe, teacher), history))


def _chosen(pack: Pack, options: argparse.Namespace) -> list[Job]:
    names = [job.name for job in pack.jobs]
    for name in options.only:
        if name not in names:
            raise BadPack(f"the pack has no network {name}; it has {', '.join(names)}")
    return [job for job in pack.jobs if not options.only or job.name in options.only]


def _file(course: Course) -> Path:
    return course.folder / f"{course.job.name}.npz"


def _is_done(course: Course) -> bool:
    """Whether a network has learned already, on whatever device.

    Raises:
        BadWeights: It was learned otherwise than it would be now.
    """
    if not _file(course).is_file():
        return False
    there, now = read_learned(_file(course)).described, _described(course.job, course.recipe, course.teacher)
    if there | {"device": ""} != now | {"device": ""}:
        raise BadWeights(f"{_file(course)} was learned {OTHERWISE}")
    return True


def _described(job: Job, recipe: Recipe, teacher: Teacher) -> dict[str, Any]:
    described = {**job.described, "recipe": recipe.describe(), "device": jax.devices()[0].device_kind}
    return described | {"taught_by": teacher.described} if recipe.teachers and teacher.described else described


if __name__ == "__main__":
    sys.exit(main())
