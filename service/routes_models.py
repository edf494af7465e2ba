"""/models: which versions there are, which of them answer, why one does not, and the way to change that."""

import hashlib
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from model_store.errors import RefusedVersion, UnknownModel
from model_store.labels import CANARY, Label
from service import log
from service.answers import LabelInfo, ModelAnswer, ModelsAnswer, VersionAnswer, VersionInfo
from service.bodies import read_small
from service.context import Context, Shared, in_thread
from service.engine import Engine
from service.media_types import essence
from service.openapi import reference
from service.parameters import LabelMove, no_query, parse_body
from service.problem_responses import described
from service.problems import InvalidParameter, NotFound, StateNotWritable
from service.trials import reading
from service.trials_apart import being_tried
from service.versions import LOOK_SECONDS, Condition


async def _may_look(request: Request, context: Shared) -> None:
    await context.authorise(request, "infer")


async def _may_move(request: Request, context: Shared) -> None:
    await context.authorise(request, "admin")


router = APIRouter(
    prefix="/models",
    tags=["models"],
    dependencies=[Depends(no_query)],
    responses=described(400, 401, 403, 404, 429, 503),
)


@router.get("", dependencies=[Depends(_may_look)])
async def get_models(context: Shared) -> ModelsAnswer:
    """Lists every model with its labels and versions. A version that was not looked at before is tried now.

    If trials take more than ten seconds, it does not wait for the rest of them: those are `loading`.
    """
    return await in_thread(context.threads.looking, lambda: describe_models(context.engine))


@router.get("/{name}", dependencies=[Depends(_may_look)])
async def get_model(name: str, context: Shared) -> ModelAnswer:
    """One model with its labels and versions."""
    return await in_thread(context.threads.looking, lambda: describe_model(context.engine, name))


@router.get("/{name}/versions/{version}", dependencies=[Depends(_may_look)])
async def get_version(name: str, version: int, context: Shared) -> VersionAnswer:
    """One version with its whole manifest: how it was trained, measured and calibrated."""
    return await in_thread(context.threads.looking, lambda: describe_version(context.engine, name, version))


READABLE = {".md": "text/markdown; charset=utf-8", ".png": "image/png", ".html": "text/html; charset=utf-8"}
"""What may be read of a version, by the end of its name; and its LICENSE."""
LICENCE_TYPE = "text/plain; charset=utf-8"

_TEXT = {"schema": {"type": "string"}}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            essence(media_type): _TEXT if media_type.startswith("text/") else _BYTES
            for media_type in (*READABLE.values(), LICENCE_TYPE)
        },
    }
}


@router.get(
    "/{name}/versions/{version}/files/{file:path}",
    response_class=Response,
    dependencies=[Depends(_may_look)],
    responses=_FILE,
)
async def get_file(name: str, version: int, file: str, context: Shared) -> Response:
    """What people read of a version: model card, licence, report and plots. The network itself is not handed out."""
    return await in_thread(context.threads.looking, lambda: read_file(context.engine, name, version, file))


_MOVE = {"requestBody": {"required": True, "content": {"application/json": {"schema": reference(LabelMove.__name__)}}}}


@router.put(
    "/{name}/labels/{label}",
    dependencies=[Depends(_may_move)],
    openapi_extra=_MOVE,
    responses=described(408, 413),
)
async def put_label(name: str, label: str, request: Request, context: Shared) -> LabelInfo:
    """Moves a label. When this answers, requests get the new version; until then, and if it fails, the one before.

    Of several processes that serve together, the others follow within two seconds, or when they have tried the version.
    """
    # Read and parsed here: what FastAPI's own parser does not take (bytes that are no text, deep nesting) is a 500.
    move = parse_body(LabelMove, await read_small(request, context.settings.receive_seconds))
    if move.share is not None and label != CANARY:
        raise InvalidParameter("share: of all labels canary alone is drawn for a share of the requests.")
    context.trail.check()
    notes = context.trail.open(request, "label")
    moved = await in_thread(context.threads.loading, lambda: _move(context, name, label, move))
    notes.detail = {
        "model": name,
        "label": label,
        "version": moved.version,
        "digest": moved.digest,
        "share": moved.share,
    }
    return moved


def _move(context: Context, name: str, label: str, move: LabelMove) -> LabelInfo:
    try:
        moved = context.engine.move(name, label, move.version, move.share)
    except OSError as error:
        raise StateNotWritable(f"The state folder cannot be written: {error.strerror}.") from error
    log.event("label_moved", model=name, label=label, version=moved.version, digest=moved.digest, share=moved.share)
    return _label_info(context.engine, moved, label)


def _label_info(engine: Engine, named: Label, label: str) -> LabelInfo:
    answering = engine.answering(named.name, label)
    return LabelInfo(
        version=named.version,
        digest=named.digest,
        serving=None if answering is None else answering.served.stored.version,
        trouble=engine.reason(named.name, label) if answering is None else answering.trouble,
        share=named.share,
    )


def describe_models(engine: Engine) -> ModelsAnswer:
    """Every model as it stands; blocking. Raises UnreadableLabels where a labels file is damaged."""
    engine.try_all()
    with reading():
        names = engine.store.names()
    return ModelsAnswer(models=[describe_model(engine, name, seconds=0.0) for name in names])


def describe_model(engine: Engine, name: str, *, seconds: float = LOOK_SECONDS) -> ModelAnswer:
    """A model as it stands; blocking.

    Args:
        engine: What answers.
        name: Of the model.
        seconds: How long to wait at most for trials of its versions.

    Raises:
        UnknownModel: The store has no such model.
        RefusedForNow: It cannot be looked into.
        UnreadableLabels: A labels file is damaged.
    """
    _check_model(engine, name)
    with reading():
        versions = engine.store.versions(name)
    labels = engine.labels.all(name)
    conditions = engine.versions.conditions([(name, version) for version in versions], seconds=seconds)
    return ModelAnswer(
        name=name,
        labels={label: _label_info(engine, named, label) for label, named in labels.items()},
        versions=[_version_info(version, conditions[name, version], labels) for version in versions],
    )


def describe_version(engine: Engine, name: str, version: int) -> VersionAnswer:
    """A version as it stands, with its manifest; blocking.

    Raises:
        UnknownModel, UnknownVersion: There is none.
        UnreadableLabels: A labels file is damaged.
    """
    _check_model(engine, name, version)
    condition = engine.versions.condition(name, version)
    info = _version_info(version, condition, engine.labels.all(name))
    return VersionAnswer(
        **dict(info), name=name, manifest=None if condition.stored is None else condition.stored.manifest
    )


def _check_model(engine: Engine, name: str, version: int | None = None) -> None:
    """Whether there is such a model, and version: who asks for one that is not there waits for no trial of another."""
    with reading():
        if name not in engine.store.names():
            # What was asked for is the client's, and is not repeated.
            raise UnknownModel("The store has no such model.")
        if version is not None:
            engine.store.find(name, version)


# A report shows the plots that lie beside it, and nothing of it may run or fetch anything.
_STILL = {"Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"}


def read_file(engine: Engine, name: str, version: int, file: str) -> Response:
    """A file of a version as it was published; blocking.

    Raises:
        UnknownModel, UnknownVersion: There is none.
        RefusedVersion: The version is refused, or the file has changed since it was verified.
        NotReady: It is being tried.
        NotFound: It has no such file, or none that may be read.
    """
    _check_model(engine, name, version)
    condition = engine.versions.condition(name, version)
    if condition.state == "loading":
        raise being_tried((name, version))
    if condition.stored is None:
        raise RefusedVersion(f"{condition.reason}")
    path = PurePosixPath(file)
    media_type = LICENCE_TYPE if file == "LICENSE" else READABLE.get(path.suffix)
    recorded = condition.stored.manifest.files.get(file)
    if recorded is None or media_type is None:
        raise NotFound("The version has no such file to read.")
    try:
        data = (condition.stored.path / path).read_bytes()
    except OSError as error:
        raise RefusedVersion(f"{file} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != recorded.sha256:
        raise RefusedVersion(f"{file} was changed since the version was verified.")
    return Response(data, media_type=media_type, headers=_STILL)


def _version_info(version: int, condition: Condition, labels: dict[str, Label]) -> VersionInfo:
    served = condition.served
    digest = None if condition.stored is None else condition.stored.digest
    return VersionInfo(
        version=version,
        state=condition.state,
        reason=condition.reason,
        digest=digest,
        # A label pins a digest: another version of the same number does not carry it. Of one that is refused only the
        # number is known.
        labels=[name for name, pin in labels.items() if pin.version == version and digest in (None, pin.digest)],
        runtime=None if served is None else served.runtime.name,
        precision=None if served is None else served.runtime.precision,
    )
