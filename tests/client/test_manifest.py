from pydantic import BaseModel

from client import manifest
from model_store import manifest as of_store
from service.answers import VersionAnswer

PAIRS: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (manifest.Measured, of_store.Measured),
    (manifest.Evaluation, of_store.Evaluation),
    (manifest.Calibration, of_store.Calibration),
    (manifest.MeasuredPoint, of_store.OperatingPoint),
    (manifest.Manifest, of_store.Manifest),
    (manifest.VersionAnswer, VersionAnswer),
]


def test_what_the_client_needs_every_manifest_has() -> None:
    for mine, theirs in PAIRS:
        assert mine.model_fields.keys() <= theirs.model_fields.keys(), mine
