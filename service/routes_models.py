"""GET /models: which versions there are, which of them answer, and why one does not."""

from fastapi import APIRouter, Depends

from model_store.errors import UnknownModel
from model_store.manifest import Pinned
from service.answers import LabelInfo, ModelAnswer, ModelsAnswer, VersionAnswer, VersionInfo
from service.context import Shared
from service.engine import Condition, Engine
from service.parameters import no_query
from service.problem_responses import described

router = APIRouter(
    prefix="/models",
    tags=["models"],
    dependencies=[Depends(no_query)],
    responses=described(400, 404, 503),
)


@router.get("")
async def get_models(context: Shared) -> ModelsAnswer:
    """Lists every model with its labels and versions. A version that was not looked at before is tried now."""
    engine = context.engine
    return await context.on_store(
        lambda: ModelsAnswer(models=[describe_model(engine, name) for name in engine.store.names()])
    )


@router.get("/{name}")
async def get_model(name: str, context: Shared) -> ModelAnswer:
    """One model with its labels and versions."""
    return await context.on_store(lambda: describe_model(context.engine, name))


@router.get("/{name}/versions/{version}")
async def get_version(name: str, version: int, context: Shared) -> VersionAnswer:
    """One version with its whole manifest: how it was trained, measured and calibrated."""
    return await context.on_store(lambda: describe_version(context.engine, name, version))


def describe_model(engine: Engine, name: str) -> ModelAnswer:
    """A model as it stands; blocking.

    Raises:
        UnknownModel: The store has no such model.
        UnreadableLabels: A labels file is damaged.
    """
    versions = engine.store.versions(name)
    labels = engine.labels.all(name)
    return ModelAnswer(
        name=name,
        labels={label: LabelInfo(version=pin.version, digest=pin.digest) for label, pin in labels.items()},
        versions=[_version_info(version, engine.condition(name, version), labels) for version in versions],
    )


def describe_version(engine: Engine, name: str, version: int) -> VersionAnswer:
    """A version as it stands, with its manifest; blocking.

    Raises:
        UnknownModel, UnknownVersion: There is none.
        UnreadableLabels: A labels file is damaged.
    """
    if name not in engine.store.names():
        raise UnknownModel("The store has no such model.")
    condition = engine.condition(name, version)
    info = _version_info(version, condition, engine.labels.all(name))
    return VersionAnswer(
        **dict(info), name=name, manifest=None if condition.stored is None else condition.stored.manifest
    )


def _version_info(version: int, condition: Condition, labels: dict[str, Pinned]) -> VersionInfo:
    served = condition.served
    return VersionInfo(
        version=version,
        state=condition.state,
        reason=condition.reason,
        digest=None if condition.stored is None else condition.stored.digest,
        labels=[label for label, pin in labels.items() if pin.version == version],
        runtime=None if served is None else served.runtime.name,
        precision=None if served is None else served.runtime.precision,
    )
