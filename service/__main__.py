"""`python -m service` is `melanoserve serve`: the same options, the same settings."""

import sys

from service.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
