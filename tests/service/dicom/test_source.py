from typing import Any

import pytest
from pydicom import Dataset

from service.dicom.source import REFERENCE, read_source
from service.problems import UnreportableObject
from tests.dermoscopy.dicom_files import CANARY, STUDY, native
from tests.tiny_models import MELANOMA, picture


def read(**changes: Any) -> Dataset:
    return read_source(native(picture(MELANOMA), **changes))


def test_patient_study_and_object_are_taken_over_and_nothing_else() -> None:
    source = read(PatientComments=f"{CANARY} comments", InstitutionName="Hospital")
    assert (source.PatientName, source.StudyInstanceUID) == (CANARY, STUDY)
    assert all(source.get(name) for name in REFERENCE)
    assert "comments" not in str(source)
    assert "Hospital" not in str(source)
    assert "PixelData" not in source


def test_a_name_in_another_alphabet_becomes_unicode() -> None:
    source = read(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    assert (source.PatientName, source.SpecificCharacterSet) == ("Müller^Jörg", "ISO_IR 192")


@pytest.mark.parametrize("characters", ["ISO_IR 192", "ISO_IR 999", "ISO_IR 6", ""])
def test_a_name_that_its_character_set_does_not_explain_is_not_guessed(characters: str) -> None:
    data = native(picture(MELANOMA), PatientName="Müller", SpecificCharacterSet="ISO_IR 100")
    # pydicom warns of some, and here a warning is an error.
    told = "its character set does not explain|attributes of the DICOM object cannot be read"
    with pytest.raises(UnreportableObject, match=told) as raised:
        read_source(data.replace(b"ISO_IR 100", characters.encode().ljust(10)))
    assert "ller" not in str(raised.value)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom's, as in the service
def test_an_escape_that_no_character_set_explains_is_not_repeated() -> None:
    """A name in kanji, all ASCII as it is stored, of an object that does not name its character set."""
    data = native(picture(MELANOMA), PatientName="Yamada^Tarou=XXXXXXXXXX^XXXXXXXXXX")
    kanji = b"\x1b$B;3ED\x1b(B"
    assert len(kanji) == 10
    with pytest.raises(UnreportableObject, match="its character set does not explain"):
        read_source(data.replace(b"XXXXXXXXXX", kanji))
    named = native(
        picture(MELANOMA),
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Yamada^Tarou=\u5c71\u7530^\u592a\u90ce",
    )
    assert read_source(named).PatientName == "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"


def test_what_is_not_known_of_a_patient_stays_empty() -> None:
    assert read(PatientName="").PatientName == ""


@pytest.mark.parametrize("name", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_what_does_not_name_itself_cannot_be_reported(name: str) -> None:
    with pytest.raises(UnreportableObject, match="SOP, series or study instance UID of the DICOM object is missing"):
        read(**{name: ""})


@pytest.mark.parametrize(
    "wrong",
    [
        {"StudyInstanceUID": "abc"},
        {"SeriesInstanceUID": "1." * 40},
        {"PatientBirthDate": "1970.01.01"},
        {"PatientID": "a\\b"},
        {"AccessionNumber": "1\\2"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_a_report_must_repeat_is_valid(wrong: dict[str, str]) -> None:
    with pytest.raises(UnreportableObject) as raised:
        read(**wrong)
    assert not any(value in str(raised.value) for value in wrong.values())


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ({"StudyTime": "10:11:12"}, "time of the study"),
        ({"StudyTime": "250000"}, "time of the study"),
        ({"StudyDate": "2026.01.02"}, "date of the study"),
        ({"PatientBirthDate": "1970.01.01"}, "date of birth"),
        ({"PatientSex": "weiblich"}, "sex"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom's, as in the service
def test_which_value_is_not_valid_is_told_and_not_the_value(wrong: dict[str, str], meant: str) -> None:
    with pytest.raises(UnreportableObject, match=f"The {meant} in the DICOM object is not valid") as raised:
        read(**wrong)
    assert not any(f" {value}" in str(raised.value) for value in wrong.values())


@pytest.mark.parametrize("time", ["", "10", "1011", "101112", "101160", "101112.5", "101112.123456"])
def test_a_time_may_be_as_exact_as_dicom_allows(time: str) -> None:
    assert read(StudyTime=time).StudyTime == time


def test_what_is_no_object_says_so_without_a_word_of_it() -> None:
    with pytest.raises(UnreportableObject) as raised:
        read_source(b"no DICOM, CANARY")
    assert "CANARY" not in str(raised.value)
