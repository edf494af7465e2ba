"""`mixed`: different images, damaged files and clients that hang up, many at a time: whose answer is it?"""

from __future__ import annotations

import asyncio
import csv
import random
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from tqdm import tqdm

from benchmarks import plots
from benchmarks.answers import without_id
from benchmarks.connection import Connection, ConnectionLost
from benchmarks.images import ImageFile, various
from benchmarks.load import Pool, clock, run
from benchmarks.processes import Server, ServerFailed
from benchmarks.requests import post_image
from benchmarks.result import Bar, Result, Table
from benchmarks.samples import percentile
from benchmarks.service import service

TEXT = """\
{images} different images (JPEG and PNG of three sizes) and {cut} truncated files are asked about alone, one after the
other, and then {repeats} times each in random order, {clients} at a time, among clients that hang up in the middle of
their request or before their answer. Every answer must equal, byte by byte but for its request id, the answer alone:
the probability, the sha256 of the image, the version, or the problem."""

_CUT_EVERY = 5
_HANG_UP_EVERY = 5
_PATIENCE_SECONDS = 0.03

Kind = Literal["image", "truncated", "hang up"]


@dataclass(frozen=True)
class Question:
    """A request, and what is answered to it when nothing else is asked."""

    kind: Kind
    request: bytes
    status: int = 0
    answer: bytes = b""


@dataclass(frozen=True)
class Heard:
    """What became of a question: "equal", "different" or "lost", or "left" if nobody waited for it."""

    kind: Kind
    outcome: str
    seconds: float


def mixed(options: Namespace) -> Result:
    """Asks and compares; see `benchmarks.cli` for the options."""
    images = list(tqdm(various(options.images), total=options.images, desc="rendering", unit="image"))
    with service(options.output / "service.log") as server:
        heard = run(_ask_all(server, images, options))
    with (options.output / "mixed.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "outcome", "seconds"])
        writer.writerows((one.kind, one.outcome, f"{one.seconds:.4f}") for one in heard)
    plots.mixed(
        {kind: [one.seconds for one in heard if one.kind == kind] for kind in ("image", "truncated")},
        options.output / "mixed.png",
    )
    text = TEXT.format(
        images=len(images), cut=len(images[::_CUT_EVERY]), repeats=options.repeats, clients=options.clients
    )
    return Result("mixed", "Whose answer is it?", text, [table(heard)], bars(heard), {"counts": counts(heard)})


async def _ask_all(server: Server, images: Sequence[ImageFile], options: Namespace) -> list[Heard]:
    with Pool(server.port) as pool:
        alone = [await _alone(pool, question) for question in _questions(images, server.key)]
        asked = _shuffled(alone, options.repeats)
        heard: list[Heard] = []
        with tqdm(total=len(asked), desc="mixed", unit="request") as bar:
            rest = iter(asked)
            await asyncio.gather(*(_client(pool, server.port, rest, heard, bar) for _ in range(options.clients)))
    return heard


def _questions(images: Sequence[ImageFile], key: str | None) -> Iterator[Question]:
    for image in images:
        yield Question("image", post_image(image.data, key=key, media_type=image.media_type))
    for number, image in enumerate(images[::_CUT_EVERY]):
        kept = len(image.data) * (number + 1) // (len(images[::_CUT_EVERY]) + 1)
        yield Question("truncated", post_image(image.data[:kept], key=key, media_type=image.media_type))


async def _alone(pool: Pool, question: Question) -> Question:
    """The question with its answer.

    Raises:
        ServerFailed: It is not answered as such a file must be.
    """
    reply = await pool.ask(question.request)
    right = reply.status == 200 if question.kind == "image" else 400 <= reply.status < 500
    if not right:
        raise ServerFailed(f"alone, it answers {reply.status} to a file that is {question.kind}: {reply.body.decode()}")
    return replace(question, status=reply.status, answer=without_id(reply.body))


def _shuffled(questions: Sequence[Question], repeats: int) -> list[Question]:
    """Every question so many times, and clients that hang up among them."""
    asked = list(questions) * repeats
    asked += [Question("hang up", question.request) for question in asked[::_HANG_UP_EVERY]]
    random.Random(0).shuffle(asked)
    return asked


async def _client(pool: Pool, port: int, rest: Iterator[Question], heard: list[Heard], bar: tqdm[NoReturn]) -> None:
    draw = random.Random(len(heard))
    for question in rest:
        begun = clock()
        outcome = await (_hang_up(port, question, draw) if question.kind == "hang up" else _ask(pool, question))
        heard.append(Heard(question.kind, outcome, clock() - begun))
        bar.update()


async def _ask(pool: Pool, question: Question) -> str:
    try:
        reply = await pool.ask(question.request)
    except (OSError, ConnectionLost):
        return "lost"
    same = reply.status == question.status and without_id(reply.body) == question.answer
    return "equal" if same else "different"


async def _hang_up(port: int, question: Question, draw: random.Random) -> str:
    """Half of them leave in the middle of their request, the others while it is being worked on."""
    with closing(await Connection.open(port)) as connection:
        whole = draw.random() < 0.5
        connection.send(question.request if whole else question.request[: len(question.request) // 2])
        await asyncio.sleep(_PATIENCE_SECONDS * draw.random())
    return "left"


def counts(heard: Sequence[Heard]) -> dict[str, dict[str, int]]:
    """Kind -> outcome -> how many."""
    return {
        kind: dict(Counter(one.outcome for one in heard if one.kind == kind))
        for kind in ("image", "truncated", "hang up")
    }


def bars(heard: Sequence[Heard]) -> list[Bar]:
    """What has to hold."""
    outcomes = Counter(one.outcome for one in heard)
    return [
        Bar("answers that are not the answer alone", outcomes["different"], 0),
        Bar("requests without an answer", outcomes["lost"], 0),
    ]


def table(heard: Sequence[Heard]) -> Table:
    """What was measured."""
    rows = []
    for kind, outcomes in counts(heard).items():
        times = [1000 * one.seconds for one in heard if one.kind == kind]
        cells = [str(outcomes.get(outcome, 0)) for outcome in ("equal", "different", "lost", "left")]
        rows.append([kind, *cells, f"{percentile(times, 50):.0f} / {percentile(times, 99):.0f} ms"])
    header = ("", "equal to the answer alone", "different", "no answer", "hung up", "p50 / p99")
    return Table("Requests:", header, rows)
