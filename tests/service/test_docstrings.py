"""Descriptions from docstrings, without what pydantic does at every start for them."""

import subprocess
import sys

from pydantic import BaseModel

from service.answers import OperatingPointInfo
from service.docstrings import describe, descriptions
from service.parameters import BatchQuery, ClassifyQuery
from service.settings import Settings


class Base(BaseModel):
    """Its own docstring is no field's."""

    first: int
    """What it is,
    over two lines."""
    second: int = 2
    third: int = 3
    "After a field without one."


class Derived(Base):
    """One more field, and one that means something else."""

    fourth: int | None = None
    """New."""
    third: int = 4
    """Another third."""


def test_a_field_is_described_by_what_stands_below_it() -> None:
    assert descriptions(Base) == {"first": "What it is,\nover two lines.", "third": "After a field without one."}


def test_a_derived_model_has_those_of_its_base_unless_it_says_more() -> None:
    assert descriptions(Derived) == {
        "first": "What it is,\nover two lines.",
        "third": "Another third.",
        "fourth": "New.",
    }
    own = set(descriptions(ClassifyQuery)) - set(descriptions(BatchQuery))
    assert own == {"frame"}


def test_a_schema_is_described_and_what_it_says_already_stays() -> None:
    schema = Base.model_json_schema()
    schema["properties"]["third"]["description"] = "Said."
    describe(Base, schema)
    described = {name: member.get("description") for name, member in schema["properties"].items()}
    assert described == {"first": "What it is,\nover two lines.", "second": None, "third": "Said."}


def test_the_models_of_the_service_are_described() -> None:
    assert descriptions(OperatingPointInfo)["threshold"] == "A probability that reaches it is called malignant."
    assert descriptions(Settings).keys() == Settings.model_fields.keys()


def test_a_start_reads_no_source_for_them() -> None:
    """Pydantic would have read it when a model is made, and inspect keeps what it read."""
    program = "import linecache, service.app; print([file for file in linecache.cache if 'service' in file])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
