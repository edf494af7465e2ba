"""Reports as a PACS gets them: over HTTP, read back with highdicom, and checked by dciodvfy."""

import io
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from highdicom.sr import srread
from pydicom.dataset import Dataset

from client.dicom import objects_of
from dermoscopy.dicom import syntaxes
from service.answers import ClassifyAnswer
from service.dicom.report import report_of
from service.dicom.source import now_at, read_source
from tests.dermoscopy.dicom_files import CANARY, STUDY, coded, dataset, describe, jpeg_ls, native, write
from tests.running_service import Service
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import BENIGN, MELANOMA, picture, png

DICOM = {"Content-Type": "application/dicom", "Accept": "application/dicom"}
RELATED = DICOM | {"Accept": 'multipart/related; type="application/dicom"'}
PATHOLOGY = {"breslow_mm": "1.4", "ulcerated": "false", "n": "0", "m": "0"}


def ask(client: httpx.Client, path: str, data: bytes, **query: str) -> Dataset:
    answer = client.post(path, params=query, content=data, headers=DICOM)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/dicom"), answer.text
    return srread(io.BytesIO(answer.content))


def items(found: Dataset) -> list[tuple[str, Any]]:
    """Every item below `found`: what it is called, and its value."""
    listed: list[tuple[str, Any]] = []
    for item in found.get("ContentSequence", []):
        name = item.ConceptNameCodeSequence[0].CodeMeaning
        kind = item.ValueType
        if kind == "NUM":
            value: Any = float(item.MeasuredValueSequence[0].NumericValue)
            assert item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "%"
        elif kind == "CODE":
            code = item.ConceptCodeSequence[0]
            value = code.CodeValue, code.CodingSchemeDesignator
        elif kind == "IMAGE":
            value = item.ReferencedSOPSequence[0]
        else:
            value = item.get("TextValue", item.get("UID"))
        listed += [(name, value), *items(item)]
    return listed


def groups(report: Dataset) -> list[dict[str, Any]]:
    """Of each group its items by name."""
    measured = report.ContentSequence[-1]
    assert measured.ConceptNameCodeSequence[0].CodeValue == "126010"
    return [dict(items(group)) for group in measured.ContentSequence]


def valid(data: bytes, folder: Path) -> None:
    """dciodvfy has no error to tell."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy (Debian: dicom3tools): nobody checks that the object is valid")
    file = folder / "object.dcm"
    file.write_bytes(data)
    told = subprocess.run(["dciodvfy", "-new", file], capture_output=True, text=True, check=False).stderr
    assert not [line for line in told.splitlines() if line.startswith("Error")], told


def test_a_classification_is_reported_in_the_study_of_its_image(client: httpx.Client, tmp_path: Path) -> None:
    data = native(picture(MELANOMA))
    report = ask(client, "/classify", data)
    answer = client.post("/classify", content=data, headers={"Content-Type": "application/dicom"}).json()
    assert (report.StudyInstanceUID, report.StudyID) == (STUDY, "canary-study")
    assert (report.PatientName, report.PatientID, report.PatientSex) == (CANARY, "canary-1970", "F")
    assert (report.PatientBirthDate, report.AccessionNumber) == ("19700101", "canary-7")
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE", "UNVERIFIED", "PRELIMINARY",
    )  # fmt: skip
    assert "research use only" in report.SeriesDescription
    assert report.SeriesInstanceUID != f"{STUDY}.2"
    assert ("Procedure reported", ("446078004", "SCT")) in items(report)
    (group,) = groups(report)
    assert group["Finding"] == ("95324001", "SCT")
    assert group["Algorithm Family"] == ("123110", "DCM")
    assert group["Probability of cancer"] == pytest.approx(100 * answer["probability"], abs=1e-4)
    assert group["Probability of melanoma"] == pytest.approx(100 * answer["classes"]["melanoma"], abs=1e-4)
    assert group["Decision at the operating point"] == ("malignant", "99MELANOSERVE")
    assert (group["Algorithm Name"], group["Algorithm Version"]) == ("melanoserve classifier", "1")
    assert ("Algorithm Parameters", f"sha256={answer['model']['sha256']}") in items(report)
    assert group["Operating point"].startswith(f"{answer['operating_point']['name']}: malignant from")
    assert group["Intended use"] == answer["intended_use"]
    assert group["SHA-256 of the file that was sent"] == answer["image"]["sha256"]
    assert group["Source of Measurement"].ReferencedSOPInstanceUID == f"{STUDY}.3"
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == f"{STUDY}.3"
    file = io.BytesIO()
    report.save_as(file)
    valid(file.getvalue(), tmp_path)


def test_what_is_read_back_is_what_was_sent(client: httpx.Client) -> None:
    sent = client.post("/classify", content=native(picture(MELANOMA)), headers=DICOM).content
    read = srread(io.BytesIO(sent))
    assert read.to_json() == pydicom.dcmread(io.BytesIO(sent)).to_json()
    again = io.BytesIO()
    read.save_as(again)
    assert again.getvalue() == sent


def test_a_stage_grade_is_no_clinical_stage_which_comes_from_pathology_only(
    client: httpx.Client, tmp_path: Path
) -> None:
    data = native(picture(MELANOMA))
    classified, graded = groups(ask(client, "/grade", data))
    stage, scheme = graded["Stage grade that the image resembles; no clinical stage"]
    assert (stage[:6], scheme) == ("grade-", "99MELANOSERVE")
    assert graded["From which labels the stage grades were learned"]
    assert graded["Algorithm Name"] == "melanoserve grader"
    assert not any("AJCC" in name for name in {*classified, *graded})
    sent = client.post("/grade", params=PATHOLOGY, content=data, headers=DICOM).content
    pathology = groups(srread(io.BytesIO(sent)))[2]
    assert pathology["AJCC T category, from pathology that was sent"] == "T2a"
    assert pathology["AJCC clinical stage group, from pathology sent"] == "IB"
    assert "Algorithm Name" not in pathology
    valid(sent, tmp_path)


def test_a_grade_that_is_withheld_is_reported_with_the_reason(client: httpx.Client) -> None:
    _, graded = groups(ask(client, "/grade", native(picture(BENIGN))))
    assert graded["Why there is no stage grade"]
    assert not any(name.startswith(("Probability", "Stage grade")) for name in graded)


def test_without_a_decision_there_is_no_probability(client: httpx.Client, tmp_path: Path) -> None:
    data = native(picture(MELANOMA))
    body = client.post("/classify", content=data, headers={"Content-Type": "application/dicom"}).json()
    quality = {"acceptable": False, "issues": ["blurred", "too_dark"]}
    abstained = {"decision": "abstained", "probability": None, "classes": None, "differential": None}
    answer = ClassifyAnswer.model_validate({**body, **abstained, "quality": quality})
    report = report_of(answer, read_source(data))
    (group,) = groups(report)
    assert group["Decision at the operating point"] == ("abstained", "99MELANOSERVE")
    assert [value for name, value in items(report) if name.startswith("Why the image")] == ["blurred", "too_dark"]
    assert not any(name.startswith("Probability") for name in group)
    file = io.BytesIO()
    report.save_as(file)
    valid(file.getvalue(), tmp_path)


def test_the_frame_is_referred_to(client: httpx.Client) -> None:
    frames = [picture(MELANOMA), picture(BENIGN)]
    data = coded([jpeg_ls(each) for each in frames], frames[0], "RGB", syntaxes.JPEG_LS)
    (group,) = groups(ask(client, "/classify", data, frame="2"))
    assert group["Source of Measurement"].ReferencedFrameNumber == 2
    assert group["Decision at the operating point"][0] == "benign"


def test_a_name_in_another_alphabet_stays(client: httpx.Client) -> None:
    data = native(picture(MELANOMA), SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    assert ask(client, "/classify", data).PatientName == "Müller^Jörg"


def test_the_heatmap_comes_with_the_report_on_request(client: httpx.Client, tmp_path: Path) -> None:
    data = native(picture(MELANOMA))
    for query, count in (({"explain": "true"}, 2), ({}, 1)):
        answer = client.post("/classify", params=query, content=data, headers=RELATED)
        kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
        assert kind == 'multipart/related; type="application/dicom"'
        parts = answer.content.split(f"--{boundary}".encode())
        assert (parts[0], parts[-1]) == (b"", b"--\r\n")
        files = [part.partition(b"\r\n\r\n")[2][:-2] for part in parts[1:-1]]
        assert len(files) == count
        assert groups(srread(io.BytesIO(files[0])))
    answer = client.post("/classify", params={"explain": "true"}, content=data, headers=RELATED)
    boundary = answer.headers["content-type"].partition("; boundary=")[2]
    file = answer.content.split(f"--{boundary}".encode())[2].partition(b"\r\n\r\n")[2][:-2]
    heatmap = pydicom.dcmread(io.BytesIO(file))
    assert (heatmap.StudyInstanceUID, heatmap.PatientID) == (STUDY, "canary-1970")
    assert heatmap.SourceImageSequence[0].ReferencedSOPInstanceUID == f"{STUDY}.3"
    # Blue is laid over the lesion, and nothing else is changed.
    change = heatmap.pixel_array.astype(int) - picture(MELANOMA)
    assert change[..., 2].max() > 40
    assert "research use only" in heatmap.SeriesDescription
    valid(file, tmp_path)


def test_what_cannot_be_reported_is_told(client: httpx.Client) -> None:
    data = native(picture(MELANOMA))
    other = {**DICOM, "Content-Type": "image/png"}
    check_problem(client.post("/classify", content=png(picture(MELANOMA)), headers=other), 406, "dicom_input_needed")
    both = client.post("/classify", params={"explain": "true"}, content=data, headers=DICOM)
    assert "multipart/related" in str(check_problem(both, 406, "not_acceptable")["detail"])
    either = DICOM | {"Accept": f"{DICOM['Accept']}, {RELATED['Accept']}"}
    whole = client.post("/classify", params={"explain": "true"}, content=data, headers=either)
    assert objects_of(whole.content).heatmap is not None
    assert client.post("/classify", content=data, headers=either).headers["content-type"] == "application/dicom"
    files = [("files", ("a", data))]
    check_problem(
        client.post("/classify/batch", files=files, headers={"Accept": "application/dicom"}), 406, "not_acceptable"
    )


@pytest.mark.parametrize(
    "change",
    [{"StudyInstanceUID": None}, {"SeriesInstanceUID": None}, {"PatientSex": "canary"}, {"PatientBirthDate": "canary"}],
)
def test_an_object_that_no_report_can_take_over_is_told_and_not_shown(service: Service, change: dict[str, Any]) -> None:
    found = dataset(**change)
    describe(found, picture(MELANOMA), "RGB")
    found.PixelData = picture(MELANOMA).tobytes()
    found["PixelData"].VR = "OB"
    data = write(found, syntaxes.EXPLICIT)
    answer = service.client.post("/classify", content=data, headers=DICOM)
    check_problem(answer, 422, "unreportable_object")
    assert "canary" not in answer.text.lower()
    assert "canary" not in service.log.lower()


def test_nothing_of_a_report_is_in_the_log(service: Service) -> None:
    service.client.post("/classify", content=native(picture(MELANOMA), PatientName="Canary^^^^^^^^"), headers=DICOM)
    service.client.get("/livez", headers={"X-Request-ID": "after-report"})
    assert service.request("after-report")
    assert "canary" not in service.log.lower()


@pytest.mark.parametrize("offset", ["+1400", "-1200", "+0530"])
def test_report_and_heatmap_are_dated_by_the_clock_of_the_image(
    client: httpx.Client, offset: str, tmp_path: Path
) -> None:
    found = dataset(TimezoneOffsetFromUTC=offset)
    describe(found, picture(MELANOMA), "RGB")
    found.PixelData = picture(MELANOMA).tobytes()
    found["PixelData"].VR = "OB"
    answer = client.post("/classify?explain=true", content=write(found, syntaxes.EXPLICIT), headers=RELATED)
    objects = objects_of(answer.content)
    valid(objects.report, tmp_path)
    assert objects.heatmap is not None
    for made in (pydicom.dcmread(io.BytesIO(objects.report)), pydicom.dcmread(io.BytesIO(objects.heatmap))):
        assert made.TimezoneOffsetFromUTC == offset
        said = datetime.strptime(f"{made.ContentDate}{made.ContentTime}{offset}", "%Y%m%d%H%M%S%z")
        assert abs((datetime.now(UTC) - said).total_seconds()) < 60


@pytest.mark.parametrize("offset", [None, "", "CET", "+0160", "+1:00"])
def test_where_the_image_does_not_say_of_which_clock_it_is_the_machine_s(offset: str | None) -> None:
    source = dataset(TimezoneOffsetFromUTC=offset)
    describe(source, picture(MELANOMA), "RGB")
    source.PixelData = picture(MELANOMA).tobytes()
    source["PixelData"].VR = "OB"
    read = read_source(write(source, syntaxes.EXPLICIT))
    assert "TimezoneOffsetFromUTC" not in read
    assert abs((datetime.now() - now_at(read)).total_seconds()) < 60
