from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.uid import DeflatedExplicitVRLittleEndian, VLPhotographicImageStorage, generate_uid

from gateway import objects
from gateway.objects import NoDicomObject, belongs, identity, key_of
from tests.gateway.samples import PATIENT_ID, photograph, report_on, uids


def test_who_an_image_is() -> None:
    image = photograph()
    study, instance = uids(image)
    of = identity(image)
    assert (of.sop_class, of.study, of.sop_instance, of.patient) == (
        VLPhotographicImageStorage,
        study,
        instance,
        PATIENT_ID,
    )
    assert of.key == key_of(instance)


def test_a_key_names_an_image_and_does_not_say_which() -> None:
    uid = generate_uid()
    assert key_of(uid) == key_of(str(uid)) != key_of(generate_uid())
    assert len(key_of(uid)) == 32
    assert uid[-10:] not in key_of(uid)


@pytest.mark.parametrize("data", [b"", b"no DICOM", b"\0" * 128 + b"DICM", photograph()[:200]])
def test_what_is_no_object(data: bytes) -> None:
    with pytest.raises(NoDicomObject):
        identity(data)


@pytest.mark.parametrize("tag", ["PatientID", "Manufacturer"])
def test_an_object_with_a_value_that_cannot_be_read(tag: str) -> None:
    """pydicom reads values where they are asked for, and knows no such kind of value."""
    changed: dict[str, Any] = {tag: "marker12"}
    image = photograph(**changed).replace(b"LO\x08\0marker12", b"ZZ\x08\0marker12")
    with pytest.raises(NoDicomObject, match="a value that is needed"):
        identity(image)


@pytest.mark.parametrize(("most", "fits"), [(200_000_000, True), (10_000, False)])
def test_what_a_deflated_object_becomes_has_a_limit(monkeypatch: pytest.MonkeyPatch, most: int, fits: bool) -> None:
    dataset = dcmread(BytesIO(photograph()))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    monkeypatch.setattr(objects, "MOST_INFLATED", most)
    if fits:
        assert identity(file.getvalue()).sop_instance == dataset.SOPInstanceUID
    else:
        with pytest.raises(NoDicomObject, match="too large"):
            identity(file.getvalue())


def test_an_object_without_a_study() -> None:
    with pytest.raises(NoDicomObject) as caught:
        identity(photograph(StudyInstanceUID=""))
    assert PATIENT_ID not in str(caught.value)


def test_a_report_belongs_to_its_image_only() -> None:
    image = photograph()
    study, _ = uids(image)
    assert belongs(report_on(image), identity(image))
    assert not belongs(report_on(image, study=generate_uid()), identity(image)), "another study"
    assert not belongs(report_on(photograph(study=study)), identity(image)), "another image of the study"
    assert not belongs(report_on(photograph(study=study, PatientID="other")), identity(image)), "another patient"
    assert not belongs(b"no DICOM", identity(image))
