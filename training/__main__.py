"""`python -m training`."""

import sys

OURS = frozenset({"client", "dermoscopy", "model_store", "training"})


def main() -> int:
    """Runs the command line; the exit status is 1 also where a package is missing, as in what `make serve` installs."""
    try:
        from training import cli  # noqa: PLC0415 - what it needs may not be there

        return cli.main()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or package in OURS:
            raise
        advice = "`make .venv/training` installs what training needs"
        print(f"error: {package} is not installed here; {advice}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
