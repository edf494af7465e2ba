"""The threads in which images are worked on, first come, first served, as long as somebody wants the answer."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from starlette.types import Receive

from model_store.processors import available_processors
from service.priority import give_way
from service.problems import ClientLeft, DeadlineExceeded
from service.progress import Progress
from service.settings import Settings

Result = TypeVar("Result")

# Each may take 400 MB while it is decoded (8 bytes for each of 50 million pixels), whatever the number of processors.
MOST_IMAGES = 4


def images_at_once(settings: Settings) -> int:
    """How many images are worked on side by side: one more than there are processors for, for when one waits.

    Threads wait for Python's lock and for each other; with as many as there are processors, those are busy for 85 % of
    the time (two cores, 16 clients), with one more for 92 %.
    """
    threads = settings.threads or available_processors()
    return min(threads + 1, MOST_IMAGES) if threads > 1 else 1


class Turns:
    """So many pieces of work at once as are allowed now; the others wait, first come, first served."""

    def __init__(self, allowed: Callable[[], int]) -> None:
        """Takes what says, from any thread, how many are allowed now; at least 1."""
        self._allowed = allowed
        self._lock = threading.Lock()
        self._busy = 0
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._waiting and self._busy < self._allowed():
                self._busy += 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._busy -= 1
            while self._waiting and self._busy < self._allowed():
                self._busy += 1
                self._waiting.popleft().set()


class Workers:
    """A fixed number of threads. Each takes an image from its bytes to its answer.

    The decoding thread goes on to the forward pass itself: handing the pixels to a batching thread would cost two
    changes of thread for each image and gain nothing, since the runtime computes image by image (see
    `model_store.runtime_openvino`) and gives each to an idle stream.
    """

    def __init__(self, count: int, *, full: Callable[[], bool] = lambda: False) -> None:
        """Starts no thread yet.

        Args:
            count: How many images at once.
            full: Whether requests are refused now, asked from any thread. Meanwhile it is one image fewer, if there are
                several: what refuses them and answers probes needs the processors, too.
        """
        self.count = count
        self._pending = 0
        self._turns = Turns(lambda: max(1, count - 1) if full() else count)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="image", initializer=give_way)

    async def run(
        self, work: Callable[[], Result], progress: Progress, receive: Receive, done: Callable[[], None]
    ) -> Result:
        """Runs the work on one image.

        Args:
            work: It asks `progress` between its phases.
            progress: Of the request, whose body has been received.
            receive: Of the request; says when its client leaves.
            done: Called on the event loop when the work is over, which may be after this has raised.

        Raises:
            DeadlineExceeded: The deadline passed first.
            ClientLeft: The client left first.
        """
        try:
            in_thread = self._threads.submit(self._in_turn, work)
        except BaseException:  # where no thread can be started; others may come to it all the same
            progress.abandon(ClientLeft("Nobody waits for the answer any more."))
            done()
            raise
        answer = asyncio.wrap_future(in_thread)
        self._pending += 1

        def over(_: object) -> None:
            self._pending -= 1
            done()

        answer.add_done_callback(over)
        leaving = asyncio.create_task(_until_client_leaves(receive))
        try:
            await asyncio.wait((answer, leaving), timeout=progress.left, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            _abandon(in_thread, answer, progress, ClientLeft("Nobody waits for the answer any more."))
            raise
        finally:
            leaving.cancel()
        if answer.done():
            try:
                return answer.result()
            finally:
                # What it raises holds what is named here. If that held it in turn, both would stay, with the image,
                # until the garbage collector comes.
                del answer, in_thread
        if leaving.done():
            raise _abandon(in_thread, answer, progress, ClientLeft("The client left before its answer was ready."))
        raise _abandon(in_thread, answer, progress, progress.too_late())

    def _in_turn(self, work: Callable[[], Result]) -> Result:
        with self._turns:
            return work()

    @property
    def crowded(self) -> bool:
        """Whether images wait for a thread now; may be asked from any thread."""
        return self._pending > self.count

    @property
    def together(self) -> int:
        """Images that are worked on side by side now."""
        return min(self._pending, self.count)

    def close(self) -> None:
        """Waits for what is running and drops what is waiting."""
        self._threads.shutdown(cancel_futures=True)


async def _until_client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _abandon(
    in_thread: Future[Result],
    answer: asyncio.Future[Result],
    progress: Progress,
    reason: ClientLeft | DeadlineExceeded,
) -> ClientLeft | DeadlineExceeded:
    """What has begun cannot be stopped, only kept from its next phase; `answer` is done when the thread is.

    Returns the reason, to be raised at once: what raises a local of its own is kept by it, with the image, until the
    garbage collector comes.
    """
    progress.abandon(reason)
    answer.add_done_callback(_forget)
    in_thread.cancel()
    return reason


def _forget(answer: asyncio.Future[Result]) -> None:
    """Takes the result that nobody asks for any more, or asyncio would report its exception as lost."""
    if not answer.cancelled():
        answer.exception()
