"""Who said it: the version of a model, this software, and the record of both."""

from collections.abc import Sequence
from uuid import UUID, uuid5

from service import VERSION
from service.answers import ImageInfo, ModelInfo
from service.fhir.codes import ALGORITHM, ASSEMBLER, AUTHOR, MELANOSERVE, SHA256, SOFTWARE
from service.fhir.elements import Reference, concept
from service.fhir.resources import Agent, Device, Entry, Provenance

_NAMESPACE = UUID(MELANOSERVE.removeprefix("urn:uuid:"))


def model_device(model: ModelInfo, intended_use: str) -> Entry[Device]:
    """The version that answered; the same version has the same name in every bundle."""
    device: Device = {
        "resourceType": "Device",
        "identifier": [{"type": concept("SHA-256 of the version's manifest"), "system": SHA256, "value": model.sha256}],
        "status": "active",
        "deviceName": [{"name": f"melanoserve {model.name}", "type": "model-name"}],
        "type": concept("Artificial intelligence", ALGORITHM),
        "version": [{"type": concept("Version of the model"), "value": str(model.version)}],
        "note": [{"text": intended_use}],
    }
    return Entry(device, f"urn:uuid:{uuid5(_NAMESPACE, model.sha256)}")


def service_device() -> Entry[Device]:
    """This software, which computes a stage from pathology and writes the bundle."""
    device: Device = {
        "resourceType": "Device",
        "identifier": [{"system": SOFTWARE, "value": f"melanoserve {VERSION}"}],
        "status": "active",
        "deviceName": [{"name": "melanoserve", "type": "user-friendly-name"}],
        "version": [{"type": concept("Version of the software"), "value": VERSION}],
    }
    return Entry(device, f"urn:uuid:{uuid5(_NAMESPACE, f'melanoserve {VERSION}')}")


def provenance(
    targets: Sequence[Reference],
    models: Sequence[tuple[ModelInfo, Entry[Device]]],
    service: Entry[Device],
    image: ImageInfo,
    recorded: str,
) -> Entry[Provenance]:
    """The record that these models said this of an image, which is named by the SHA-256 of its file.

    Args:
        targets: What they said.
        models: The versions, and by what each was run.
        service: What wrote it down.
        image: Of what.
        recorded: When, as a FHIR instant.
    """
    frame = "" if image.frame is None else f"frame {image.frame}, "
    described = f"{image.media_type}, {frame}{image.width} x {image.height} pixels; named by the SHA-256 of the file"
    authors: list[Agent] = [
        {"type": concept("Author", AUTHOR), "who": {**device.reference, "display": _as_run(model)}}
        for model, device in models
    ]
    made: Provenance = {
        "resourceType": "Provenance",
        "target": list(targets),
        "recorded": recorded,
        "agent": [*authors, {"type": concept("Assembler", ASSEMBLER), "who": service.reference}],
        "entity": [
            {
                "role": "source",
                "what": {"identifier": {"system": SHA256, "value": image.sha256}, "display": described},
            }
        ],
    }
    return Entry(made)


def _as_run(model: ModelInfo) -> str:
    return f"{model.name} {model.version}, run by {model.runtime} in {model.precision}"
