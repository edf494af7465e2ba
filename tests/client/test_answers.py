from pydantic import BaseModel

from client import answers
from service import answers as of_service

PAIRS: list[tuple[type[BaseModel], type[BaseModel]]] = [
    (answers.ClassifyAnswer, of_service.ClassifyAnswer),
    (answers.Classification, of_service.Classification),
    (answers.OperatingPoint, of_service.OperatingPointInfo),
    (answers.AtPrevalence, of_service.AtPrevalence),
    (answers.Image, of_service.ImageInfo),
    (answers.Model, of_service.ModelInfo),
    (answers.Explanation, of_service.Explanation),
    (answers.Quality, of_service.Quality),
    (answers.Suspected, of_service.SuspectedInfo),
    (answers.GradeAnswer, of_service.GradeAnswer),
    (answers.Grade, of_service.GradeInfo),
    (answers.Ajcc, of_service.AjccInfo),
    (answers.Label, of_service.LabelInfo),
    (answers.Version, of_service.VersionInfo),
    (answers.ModelAnswer, of_service.ModelAnswer),
]


def test_what_the_client_needs_the_service_says() -> None:
    for mine, theirs in PAIRS:
        assert mine.model_fields.keys() <= theirs.model_fields.keys(), mine
        for name, field in mine.model_fields.items():
            if field.is_required():
                required = theirs.model_json_schema(mode="serialization")["required"]
                assert name in required, (mine, name)


def test_what_a_newer_service_adds_is_kept() -> None:
    found = answers.Image.model_validate(
        {"sha256": "0", "media_type": "image/png", "width": 1, "height": 2, "sharpness": 0.5}
    )
    assert found.model_extra == {"sharpness": 0.5}
