"""Several images in one request: each is answered as if it had come alone, and one that fails fails alone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from service import log
from service.answers import ClassifyBatchAnswer, ClassifyItem, GradeBatchAnswer, GradeItem, ProblemAnswer
from service.audit.notes import Notes, Received
from service.bodies import announced_bytes, read_batch
from service.context import Context, context_of
from service.image_route import Work
from service.inference import Job, Question, check_point
from service.multipart import Upload
from service.negotiation import VARY
from service.parameters import BatchQuery
from service.problem_members import problem_members
from service.problems import ClientLeft, kind_of
from service.progress import Progress
from service.representations import JSON, ImageAnswer, representations_for
from service.versions import Served

Item = ClassifyItem | GradeItem


@dataclass(frozen=True)
class Asked:
    """What a batch asks of each image.

    Attributes:
        name: Of which model. One version of it answers for all images.
        work: Turns an image into its answer, in a thread.
        item: What becomes of one.
        whole: Of all.
    """

    name: str
    work: Work
    item: type[Item]
    whole: type[ClassifyBatchAnswer | GradeBatchAnswer]


async def answer_batch(request: Request, query: BatchQuery, asked: Asked) -> Response:
    """Takes a request's images all the way to their answers.

    Args:
        request: Its body has not been read.
        query: What is asked about each image.
        asked: Of which model, and in what form it is answered.
    """
    context = context_of(request)
    settings = context.settings
    await context.authorise(request, "infer")
    representations_for(request.headers, [JSON])
    context.trail.check()
    held = _Held(context.admission.enter(announced_bytes(request.headers, settings.max_batch_bytes)))
    try:
        progress = request.state.progress = Progress(settings.deadline_seconds)
        notes = context.trail.open(request)
        question = query.question(request)
        served = await context.served(asked.name, query.selection(), question.request_id, progress)
        notes.found(served, query.version, query.label)
        check_point(served, question)
        uploads = await read_batch(request, settings)
        progress.finish()
        batch = _Batch(context, request, question, asked, served, held, notes)
        items = await batch.run(uploads, progress)
    finally:
        held.release()
    failed = sum(item.problem is not None for item in items)
    answered = asked.whole.model_validate(
        {"request_id": question.request_id, "items": items, "answered": len(items) - failed, "failed": failed}
    )
    request.state.answered = [item.answer for item in items if item.answer is not None]
    return Response(answered.__pydantic_serializer__.to_json(answered), headers=VARY, media_type=JSON.media_type)


class _Held:
    """What the admission counts of a request, until nothing of it is in memory: threads may outlive their request."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._holders = 1

    def hold(self) -> None:
        self._holders += 1

    def release(self) -> None:
        self._holders -= 1
        if not self._holders:
            self._leave()


@dataclass(frozen=True)
class _Batch:
    """The images of one request on their way through the threads, no more of them at once than there are threads.

    Whoever sends a single image meanwhile waits for the few that are under way, not for the whole batch.
    """

    context: Context
    request: Request
    question: Question
    asked: Asked
    served: Served
    held: _Held
    notes: Notes

    async def run(self, uploads: list[Upload], whole: Progress) -> list[Item]:
        """The item of each file, in their order.

        Args:
            uploads: The files; each is forgotten once it is answered.
            whole: Of the request; the phases of all images add up in it.

        Raises:
            ClientLeft: The client left before the last of them was answered.
        """
        turn = asyncio.Semaphore(self.context.workers.count)
        for index in range(len(uploads)):
            self.notes.image(index)
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._item(index, uploads, whole, turn)) for index in range(len(uploads))]
        except* ClientLeft as errors:
            failure = errors.exceptions[0]  # raised here, it would come out as a group
        if failure is not None:
            raise failure
        return [task.result() for task in tasks]

    async def _item(self, index: int, uploads: list[Upload], whole: Progress, turn: asyncio.Semaphore) -> Item:
        async with turn:
            upload, uploads[index] = uploads[index], Upload()
            received = self.notes.images[index]
            try:
                received.answer = await self._one(upload, whole, received)
            except ClientLeft:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with an image, the others are answered
                return self._failed(index, error)
            received.status = 200
            self.context.metrics.batch_item("")
            return self.asked.item.model_validate({"index": index, "status": 200, "answer": received.answer})

    async def _one(self, upload: Upload, whole: Progress, received: Received) -> ImageAnswer:
        if upload.problem is not None:
            raise upload.problem
        workers, settings = self.context.workers, self.context.settings
        progress = received.progress = Progress(settings.deadline_seconds)
        progress.enter("wait")
        received.bytes = len(upload.data)
        job = Job(bytes(upload.data), settings.limits, self.question, progress, received, lambda: workers.together)
        upload.data.clear()
        self.held.hold()
        work = partial(self.asked.work, self.served, job)
        try:
            return await workers.run(work, progress, self.request.receive, self.held.release)
        finally:
            progress.finish()
            whole.add(progress)

    def _failed(self, index: int, error: Exception) -> Item:
        if kind_of(error) is None:
            log.failure("unhandled", error, request_id=self.question.request_id)
        members = problem_members(error, self.question.request_id)
        problem = ProblemAnswer.model_validate(members)
        self.context.metrics.batch_item(problem.code)
        self.notes.images[index].status, self.notes.images[index].code = problem.status, problem.code
        return self.asked.item.model_validate({"index": index, "status": problem.status, "problem": problem})
