"""One of several serving processes: `python -m service.worker`, started by the supervisor and by nobody else, which
hands over a `Launch` on standard input."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from service import log
from service.metrics_folder import forget, remove_if_left
from service.settings import Settings


class Launch(BaseModel):
    """What the supervisor hands over, as JSON."""

    supervisor: int
    """Its process. One that dies while this one is still being started is somebody else by then."""
    listener: int
    """Descriptor of the listening socket."""
    metrics_folder: Path
    keys_required: bool
    """A process that replaces another must not open what that one had closed, whatever became of the key file."""
    settings: Settings


def main(launch: Launch) -> int:
    """Serves until a signal comes; returns the exit status."""
    from service.early import start_early  # noqa: PLC0415 - a stop that comes during these imports ends it at once

    settings = launch.settings
    engine = start_early(settings)
    from service.app import create_app  # noqa: PLC0415 - half a second, in which the models load
    from service.server import Server  # noqa: PLC0415

    listener = socket.socket(fileno=launch.listener)
    app = create_app(settings, launch.metrics_folder, engine=engine, keys_required=launch.keys_required)
    look = (launch.supervisor, app.state.context.metrics.keep)
    threading.Thread(target=_end_with_supervisor, args=look, daemon=True).start()
    Server(app, settings, owns_listener=False).run(sockets=[listener])
    if os.getppid() != launch.supervisor:
        forget(launch.metrics_folder, os.getpid())
        remove_if_left(launch.metrics_folder)
    return 0


def _end_with_supervisor(supervisor: int, keep_metrics: Callable[[], None]) -> None:
    """A worker that nobody watches any more would hold the port for ever."""
    done = threading.Event()
    while os.getppid() == supervisor:
        keep_metrics()
        done.wait(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # Until it serves nothing is under way: SIGTERM ends it at once, whatever it is waiting for, and so does this one.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    handed = Launch.model_validate_json(sys.stdin.buffer.read())
    log.configure(handed.settings.log_level)
    sys.exit(main(handed))
