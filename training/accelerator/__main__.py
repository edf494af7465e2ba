"""`python -m training.accelerator PACK OUT`: learns what a pack asks for, on whatever device JAX finds."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from training.accelerator.learn import learn, on_device
from training.accelerator.recipe import Recipe
from training.accelerator.unpack import BadPack, Job, unpack

EPILOG = """examples:
  python -m training.accelerator runs/pack runs/learned
  python -m training.accelerator runs/pack runs/learned --only classifier --teachers 3

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
    for name, value in Recipe().describe().items():
        option = f"--{name.replace('_', '-')}"
        whole.add_argument(option, type=type(value), help=f"instead of the pack's own; see Recipe (default {value})")
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0, or 1 after a one-sentence error on stderr."""
    options = parser().parse_args(arguments)
    # Only of what is not bfloat16: JPEG's quantisation of nearly whole numbers is not to be done in ten bits.
    jax.config.update("jax_default_matmul_precision", "highest")  # type: ignore[no-untyped-call]
    try:
        pack = unpack(options.pack)
    except BadPack as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(pack.pixels)} images; {jax.devices()[0].device_kind}", flush=True)
    data = on_device(pack)
    given = {name: getattr(options, name) for name in Recipe().describe() if getattr(options, name) is not None}
    options.out.mkdir(parents=True, exist_ok=True)
    for job in pack.jobs:
        file = options.out / f"{job.name}.npz"
        if not file.is_file() and (not options.only or job.name in options.only):
            recipe = replace(Recipe(**job.recipe), **given)
            weights, history = learn(pack, data, job, recipe)
            _save(file, job, recipe, [np.asarray(values, np.float16) for values in weights], json.dumps(history))
    return 0


def _save(file: Path, job: Job, recipe: Recipe, weights: list[np.ndarray], history: str) -> None:
    device = {"device": jax.devices()[0].device_kind}
    described = json.dumps({**job.described, "recipe": recipe.describe(), **device})
    arrays = {f"weight-{number}": values for number, values in enumerate(weights)}
    partial = file.with_name(f"{file.stem}.partial.npz")
    np.savez(partial, described=described, history=history, **arrays)  # type: ignore[arg-type]
    partial.rename(file)


if __name__ == "__main__":
    sys.exit(main())
