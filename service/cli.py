"""The command line: `melanoserve serve`, `classify`, `grade`, `doctor`, `keys` and `audit`."""

import argparse
import logging
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from service import cli_audit, cli_images, cli_keys, doctor, log
from service.docstrings import descriptions
from service.keys import KeyRing
from service.listener import listen
from service.settings import PREFIX, Settings, SettingsError, read_settings, variable
from service.stopping import Stop

EPILOG = """\
ask about an image, without a service:
  melanoserve classify lesion.jpg

start the service, then ask it about an image:
  melanoserve serve
  curl -F file=@lesion.jpg http://127.0.0.1:8000/classify
  curl -H 'Content-Type: image/jpeg' --data-binary @lesion.jpg http://127.0.0.1:8000/grade
  curl http://127.0.0.1:8000/models

Research use only: no diagnosis. http://127.0.0.1:8000/docs has the whole interface.
"""

KEY_OF_CLIENTS = f"{PREFIX}KEY"
"""Taken for `MELANOSERVE_KEYS`, it would leave the service open."""

EXIT_WRONG_SETTINGS = 2
EXIT_CANNOT_LISTEN = 1
EXIT_NOT_PRINTED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Without the program's name; None for the process's own.

    Returns:
        The exit status: of `serve` 0 after a stop by SIGTERM or SIGINT, 1 if it cannot listen, 2 for wrong settings; of
        the others, what their --help says.
    """
    if sys.stdout is None:  # closed by whoever started it: what is printed goes nowhere, and not into the next file
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    return _printed(_command(_parser().parse_args(arguments)))


def _printed(status: int) -> int:
    """The exit status, once all that a command printed is out.

    What standard output does not take, because a disk is full or `head` has seen enough, Python would try again when it
    ends, and then complain in its own way, with the status 120. A command that failed has told of it.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if status == 0:
            print(f"melanoserve: standard output: {error.strerror}", file=sys.stderr)
            return EXIT_NOT_PRINTED
    return status


def _command(parsed: argparse.Namespace) -> int:
    if parsed.command == "keys":
        return cli_keys.run(parsed)
    if parsed.command == "audit":
        return cli_audit.run(parsed)
    if parsed.command == "doctor":
        return doctor.run(parsed)
    if parsed.command in cli_images.TASKS:
        return cli_images.run(parsed)
    options = vars(parsed)
    del options["command"]
    try:
        settings = read_settings(options)
    except SettingsError as error:
        for problem in error.problems:
            print(f"melanoserve: {problem}", file=sys.stderr)
        return EXIT_WRONG_SETTINGS
    log.configure(settings.log_level)
    return serve(settings)


def serve(settings: Settings) -> int:
    """Serves until a signal comes, and then finishes the requests under way; returns the exit status."""
    begun = time.perf_counter()
    stop = Stop()
    try:
        listener = listen(settings.host, settings.port)
    except (OSError, UnicodeError) as error:
        reason = _why(error)
        print(f"melanoserve: cannot listen on {settings.host}:{settings.port}: {reason}", file=sys.stderr)
        return EXIT_CANNOT_LISTEN
    _allow_many_connections()
    guarded = _say_who_may_ask(settings)
    host, port = listener.getsockname()[:2]
    status = _run(
        settings, listener, guarded, stop, lambda: log.event("listening", host=host, port=port, seconds=_since(begun))
    )
    log.event("stopped")
    return status


def _why(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):  # of a name with an empty part, or one of more than 63 letters
        return "it is no address, and no name can be like that"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)


def _run(settings: Settings, listener: socket.socket, guarded: bool, stop: Stop, listening: Callable[[], None]) -> int:
    if settings.processes > 1:
        from service.supervisor import Supervisor  # noqa: PLC0415 - it needs none of what a serving process imports

        listening()
        return Supervisor(settings, listener, stop, keys_required=guarded).run()
    from service.early import start_early  # noqa: PLC0415 - imports that --help need not wait for

    engine = start_early(settings)
    from service.app import create_app  # noqa: PLC0415 - half a second, in which the models load
    from service.server import Server  # noqa: PLC0415

    server = Server(create_app(settings, engine=engine, keys_required=guarded), settings)
    stop.hand_over(server)
    listening()
    server.run(sockets=[listener])
    return 0


def _say_who_may_ask(settings: Settings) -> bool:
    """Whether keys or tokens are demanded."""
    guarded = settings.takes_tokens or KeyRing(settings.key_file).configured
    if not guarded:
        log.event("no_keys", logging.WARNING, host=settings.host, advice="whoever reaches the port may ask anything")
        if settings.keys is not None:
            advice = "a slip of the pen, or a volume that is not mounted? `melanoserve keys add` makes it"
            log.event("keys_file_without_keys", logging.WARNING, file=str(settings.keys.absolute()), advice=advice)
        if os.environ.get(KEY_OF_CLIENTS):
            advice = f"it is what clients send; the service has keys by `melanoserve keys add`, or {variable('keys')}"
            log.event("key_has_no_effect", logging.WARNING, variable=KEY_OF_CLIENTS, advice=advice)
    return guarded


def _allow_many_connections() -> None:
    """Each connection is an open file; many systems allow 1024 unless a process asks for more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 2)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="melanoserve",
        description="Classifies dermoscopic images over HTTP.",
        epilog=EPILOG,
        formatter_class=raw,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    cli_keys.register(commands)
    cli_audit.register(commands)
    cli_images.register(commands)
    doctor.register(commands)
    serve_parser = commands.add_parser(
        "serve",
        help="serve the models of a store",
        description="Serves the models of a store. Every option is also a MELANOSERVE_* variable; the option wins.",
        epilog=EPILOG,
        formatter_class=raw,
        argument_default=argparse.SUPPRESS,
    )
    told = descriptions(Settings)
    for name, field in Settings.model_fields.items():
        serve_parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar="VALUE",
            help=f"{told[name]} [{variable(name)}, default {field.default}]".replace("%", "%%"),
        )
    return parser
