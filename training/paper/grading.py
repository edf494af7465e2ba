"""The paper's grader: three grades from the features of whatever won the comparison; measured, never published."""

from __future__ import annotations

import hashlib

import keras
import numpy as np
from pydantic import BaseModel

from model_store.manifest import Evaluation
from training.grader import FRAME_PENALTIES, check_enough, cross_validate, measure_grader
from training.paper.candidates import Candidate
from training.paper.experiment import Experiment
from training.paper.fit import LEARNED, features_of
from training.paper.network import build
from training.stages import Stages, frame_features, read_stages
from training.table import Table

FILE = "grader.json"


class Graded(BaseModel):
    """What the grader on one candidate's features reaches.

    Attributes:
        images: Stands for the graded images and their grades: of others, it is measured anew.
        evaluations: Set -> figures, out of fold.
    """

    images: str
    evaluations: dict[str, Evaluation]


def grade_on(experiment: Experiment, candidate: Candidate) -> Graded | str:
    """Cross-validates the grader on a candidate's features; a figure that is there is not measured again.

    Args:
        experiment: The comparison.
        candidate: One whose base began with ImageNet's weights.

    Returns:
        The figures, or why there are none.
    """
    table = experiment.table
    try:
        stages = read_stages(table)
        check_enough(stages)
    except ValueError as error:
        return str(error)
    file, images = experiment.place(candidate) / FILE, _digest(table, stages)
    if file.is_file() and (kept := Graded.model_validate_json(file.read_text("utf-8"))).images == images:
        return kept
    features = features_of(_network(experiment, candidate), table, stages.rows, experiment.recipe.views)
    model = cross_validate(features.astype(np.float64), stages, "cross-validating the paper's grader")
    title = "cross-validating the frame-only baseline"
    frame = cross_validate(frame_features(table, stages.rows)[None], stages, title, FRAME_PENALTIES)
    # Validation images too: they decide when learning stops.
    learned = [*experiment.data.training, *experiment.data.validation]
    copied = bool(np.isin(table.lesions[stages.rows], table.lesions[learned]).any())
    seen = copied and candidate.kind == "fine-tuned"
    found = Graded(images=images, evaluations=measure_grader(model, frame, stages, seen=seen))
    partial = file.with_suffix(".partial")
    partial.write_text(found.model_dump_json(indent=2), "utf-8")
    partial.rename(file)
    return found


def _network(experiment: Experiment, candidate: Candidate) -> keras.Model:
    """With what it has learned; of a frozen base, or of one under an SVM, the features are ImageNet's."""
    network = build(candidate, experiment.recipe, experiment.weights)
    if candidate.kind == "fine-tuned":
        network.load_weights(experiment.place(candidate) / LEARNED)
    return network


def _digest(table: Table, stages: Stages) -> str:
    together = np.unique(stages.lesions, return_inverse=True)[1].tolist()  # in the folds
    said = (stages.policy.name, stages.grades.tolist(), together, stages.fair.tolist())
    found = hashlib.sha256(repr(said).encode())
    for row in stages.rows.tolist():
        found.update(table.pixels[row].tobytes())
    return found.hexdigest()[:16]
