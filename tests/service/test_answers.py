import pytest
from pydantic import BaseModel, ValidationError

from service import answers
from service.answers import Answer, ClassifyAnswer


def kinds() -> list[type[Answer]]:
    return [item for item in vars(answers).values() if isinstance(item, type) and issubclass(item, Answer)]


@pytest.mark.parametrize("kind", kinds())
def test_every_answer_is_documented_and_immutable(kind: type[Answer]) -> None:
    assert kind.__doc__
    assert kind.__doc__ != BaseModel.__doc__
    assert kind.model_config["frozen"]


@pytest.mark.parametrize("probability", [-0.01, 1.01, float("nan")])
def test_a_probability_that_is_none_cannot_be_answered(probability: float) -> None:
    fields = dict.fromkeys(ClassifyAnswer.model_fields) | {"probability": probability}
    with pytest.raises(ValidationError) as caught:
        ClassifyAnswer.model_validate(fields)
    assert "probability" in {str(error["loc"][0]) for error in caught.value.errors()}
