"""`melanoserve`, and `python -m service`, which is `melanoserve serve`: the same options, the same settings."""

import gc
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see `service.cli.main`.

    What need not happen at a start does not. While it is imported, no garbage is collected: there is hardly any, and
    looking for it takes a tenth of the time. Pydantic does not look through all that is installed for plugins, none of
    which should change what is valid here. OpenBLAS, which comes with NumPy and is not used for an image, has no
    threads: they would spin at the start.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()
    from service import cli  # noqa: PLC0415

    gc.enable()
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
