"""The command line: `python -m dermoscopy render OUT.png`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from dermoscopy.render import render_lesion


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dermoscopy", description="Tools for dermoscopic images.")
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser(
        "render",
        help="render a synthetic lesion",
        description="Render a synthetic dermoscopic photograph, for tests and demonstrations. The same options give "
        "the same pixels on every machine.",
        epilog="example: python -m dermoscopy render sample.png --seed 7 --malignancy 0.8 --side 512",
    )
    render.add_argument(
        "out", type=Path, metavar="OUT", help="file to write; its ending chooses the format (.png, .jpg)"
    )
    render.add_argument("--seed", type=int, default=0, help="which lesion (default: 0)")
    render.add_argument("--side", type=int, default=224, help="side of the square in pixels (default: 224)")
    render.add_argument(
        "--malignancy", type=float, default=0.5, help="0 (round, even) to 1 (ragged, many colours) (default: 0.5)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the name of the program; None takes those of the process.

    Returns:
        The exit status: 0, or 2 with a sentence on standard error when an argument is wrong.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        pixels = render_lesion(options.seed, side=options.side, malignancy=options.malignancy)
        Image.fromarray(pixels).save(options.out)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
