"""What is kept of one candidate: its figures and costs, as a file that the report reads."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from training.paper.measure import Figures

FILE = "result.json"


class Result(BaseModel):
    """One row of the comparison.

    Attributes:
        name: Of the candidate.
        title: Of its row.
        kind: See `candidates.Candidate`.
        side: Of its pictures in pixels.
        processor_minutes: That training took; features that another candidate has made are not made again.
        megabytes: Of its SavedModel.
        milliseconds: For one image, alone.
        figures: Set -> figures.
        probability: Of the test images, in the order of the table.
        history: Loss and accuracy by epoch.
    """

    name: str
    title: str
    kind: str
    side: int
    processor_minutes: float
    megabytes: float
    milliseconds: float
    figures: dict[str, Figures]
    probability: list[float]
    history: dict[str, list[float]]

    def save(self, folder: Path) -> None:
        """Writes it; the file is there only when it is whole."""
        partial = folder / f"{FILE}.partial"
        partial.write_text(self.model_dump_json(), "utf-8")
        partial.rename(folder / FILE)


def load_result(folder: Path) -> Result | None:
    """The result that a folder holds; None if it has none yet."""
    file = folder / FILE
    return Result.model_validate_json(file.read_text("utf-8")) if file.is_file() else None


def choose(results: list[Result]) -> Result | None:
    """The winner on validation data, by AUC: never one that started from random weights, which nobody would ship."""
    standing = [result for result in results if result.kind in ("frozen", "fine-tuned", "svm")]
    return max(standing, key=lambda result: result.figures["validation"].metrics["auc"].value, default=None)
