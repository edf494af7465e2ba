"""DICOM objects over HTTP: they are answered as their pictures are, and nothing of the patient comes out."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from highdicom.sr import srread

from dermoscopy.dicom import syntaxes
from service.cli import main
from tests.dermoscopy.dicom_files import STUDY, coded, jpeg, jpeg_ls, native
from tests.dermoscopy.files import picture as rendered
from tests.running_service import ROOT, Service
from tests.service.test_problem_responses import check_problem
from tests.tiny_models import BENIGN, MELANOMA, picture, png

DICOM = {"Content-Type": "application/dicom"}
FRAMES = [picture(MELANOMA), picture(BENIGN)]


def two_frames() -> bytes:
    return coded([jpeg_ls(each) for each in FRAMES], FRAMES[0], "RGB", syntaxes.JPEG_LS)


@pytest.mark.parametrize("how", ["body", "undeclared", "part"])
@pytest.mark.parametrize("path", ["/classify", "/grade"])
def test_it_is_answered_as_its_picture_is(client: httpx.Client, path: str, how: str) -> None:
    data = native(picture(MELANOMA))
    if how == "part":
        answer = client.post(path, files={"file": ("a.dcm", data, "application/dicom")})
    else:
        declared = "application/dicom" if how == "body" else "application/octet-stream"
        answer = client.post(path, content=data, headers={"Content-Type": declared})
    other = client.post(path, files={"file": png(picture(MELANOMA))}).json()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    size = picture(MELANOMA).shape
    expected = {"sha256": hashlib.sha256(data).hexdigest(), "media_type": "application/dicom", "frame": None}
    assert body["image"] == expected | {"width": size[1], "height": size[0]}
    for one in (body, other):
        del one["image"], one["request_id"]
    assert body == other


def test_a_frame_is_chosen_and_named_in_the_answer(client: httpx.Client) -> None:
    decisions = []
    for number in (1, 2):
        body = client.post("/classify", params={"frame": number}, content=two_frames(), headers=DICOM).json()
        assert body["image"]["frame"] == number
        decisions.append(body["decision"])
    assert decisions == ["malignant", "benign"]
    graded = client.post("/grade", params={"frame": 1}, content=two_frames(), headers=DICOM).json()
    assert graded["image"]["frame"] == 1


@pytest.mark.parametrize(
    ("data", "query", "status", "code"),
    [
        (two_frames(), {}, 422, "animated_image"),
        (two_frames(), {"frame": "3"}, 422, "no_such_frame"),
        (two_frames(), {"frame": "0"}, 400, "invalid_parameter"),
        (two_frames(), {"frame": "one"}, 400, "invalid_parameter"),
        (png(picture(MELANOMA)), {"frame": "1"}, 422, "no_such_frame"),
        (native(picture(MELANOMA), sop_class="1.2.840.10008.5.1.4.1.1.2"), {}, 422, "not_a_photograph"),
        (
            coded([b"video"], picture(MELANOMA), "RGB", "1.2.840.10008.1.2.4.100"),
            {},
            415,
            "unsupported_transfer_syntax",
        ),
        (
            coded([jpeg(rendered(), jfif=False)], np.asarray(rendered()), "RGB", syntaxes.JPEG_BASELINE),
            {},
            422,
            "contradictory_colours",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told(
    client: httpx.Client, data: bytes, query: dict[str, str], status: int, code: str
) -> None:
    for path in ("/classify", "/grade"):
        check_problem(client.post(path, params=query, content=data, headers=DICOM), status, code)


def test_a_batch_takes_it_and_no_frame(client: httpx.Client) -> None:
    files = [("files", ("a", data)) for data in (native(picture(MELANOMA)), two_frames(), png(picture(MELANOMA)))]
    body = client.post("/classify/batch", files=files).json()
    assert [item["status"] for item in body["items"]] == [200, 422, 200]
    assert body["items"][1]["problem"]["code"] == "animated_image"
    check_problem(client.post("/classify/batch", params={"frame": 1}, files=files), 400, "unknown_parameter")


def test_the_command_line_takes_it(pristine_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lesions").mkdir()
    (tmp_path / "lesions" / "a.dcm").write_bytes(two_frames())
    here = ["--store", str(pristine_store), "--state", str(tmp_path / "state"), "--format", "json"]
    for number, decision in ((1, "malignant"), (2, "benign")):
        assert main(["classify", str(tmp_path / "lesions"), "--frame", str(number), *here]) == 0
        assert json.loads(capsys.readouterr().out)["decision"] == decision


def test_the_command_line_writes_reports(
    pristine_store: Path, service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out = tmp_path / "archive", tmp_path / "reports"
    for folder in ("1", "2"):
        (archive / folder).mkdir(parents=True)
        (archive / folder / "IM.1.2.3").write_bytes(native(picture(MELANOMA)))
    (archive / "DICOMDIR").write_bytes(native(picture(MELANOMA)))
    (archive / "notes").write_text("no image")
    (archive / "photograph.png").write_bytes(png(picture(MELANOMA)))
    here = ["--store", str(pristine_store), "--state", str(tmp_path / "state")]
    there = ["--server", str(service.client.base_url)]
    for task, where, numbers in (("classify", here, (1, 2)), ("grade", there, (3, 4))):
        assert main([task, str(archive), "--format", "dicom", "--out", str(out), *where]) == 3
        written = capsys.readouterr()
        names = [f"{number:04}-IM.1.2.3.sr.dcm" for number in numbers]  # what is there already stays
        assert written.out.splitlines() == [str(out / name) for name in names]
        assert f"melanoserve: {archive / 'photograph.png'}: dicom_input_needed: " in written.err
        assert "DICOMDIR" not in written.err
        assert sorted(file.name for file in out.iterdir())[-2:] == names
        assert {srread(out / name).StudyInstanceUID for name in names} == {STUDY}
    assert len(list(out.iterdir())) == 4
    assert main(["classify", str(archive), "--format", "dicom", *here]) == 2
    assert "--out FOLDER" in capsys.readouterr().err


def test_two_frames_of_a_file_are_two_rows(pristine_store: Path, tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(two_frames())
    out = tmp_path / "results.csv"
    here = ["--store", str(pristine_store), "--state", str(tmp_path / "state"), "--out", str(out)]
    for number in ("1", "2"):
        assert main(["classify", str(tmp_path / "a.dcm"), "--frame", number, *here]) == 0
    rows = [line.split(",")[:2] for line in out.read_text().splitlines()[1:]]
    assert rows == [[f"{tmp_path}/a.dcm#frame=1", "malignant"], [f"{tmp_path}/a.dcm#frame=2", "benign"]]


def test_nothing_of_the_patient_comes_out(service: Service) -> None:
    sound = native(picture(MELANOMA))
    assert sound.count(b"Canary") >= 2
    place = sound.index(b"Canary")
    broken = [sound[:-40], sound[: place + 20], sound[:place] + b"\xff\xff" + sound[place:]]
    kind = native(picture(MELANOMA), sop_class="1.2.840.10008.5.1.4.1.1.88.33")
    for data in (sound, two_frames(), kind, *broken):
        for path in ("/classify", "/grade"):
            answer = service.client.post(path, content=data, headers=DICOM)
            assert "canary" not in answer.text.lower()
    service.client.get("/livez", headers={"X-Request-ID": "after-dicom"})
    assert service.request("after-dicom")
    assert "canary" not in service.log.lower()


def test_what_only_dicom_needs_is_not_imported_before_one_comes() -> None:
    asked = "import sys, service.app; print([m for m in ('pydicom', 'highdicom', 'jpeg_ls') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
