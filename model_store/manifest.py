"""`manifest.json`: everything that is known of one version of a model.

The manifest is written last, so its presence says that the version is complete; its sha256 is the version's digest.
Reading is strict: an unknown field, a number that is not finite or a part that contradicts another is an error, because
a manifest that is misread decides wrongly for every image.
"""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

MANIFEST_FILE = "manifest.json"

# A version that lacks one of these loads without its weights in some runtimes and then fails every request
# (tensorflow/serving issue 1086).
SAVED_MODEL_FILES = ("saved_model.pb", "variables/variables.index")

ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Scalar = str | int | float | bool | None
_STAGE = re.compile("[1-9][0-9]?")


class Record(BaseModel):
    """What all parts of a manifest share: immutable, no unknown fields, finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measured(Record):
    """A measured figure with its 95 % bootstrap confidence interval."""

    value: float
    low: float
    high: float


class FileRecord(Record):
    """Hash and size in bytes of one file of the version."""

    sha256: Sha256
    size: int = Field(ge=0)


class OperatingPoint(Record):
    """A threshold on the calibrated probability of malignancy, and what it was measured to do."""

    name: str = Field(min_length=1)
    rule: str
    """How the threshold was chosen, such as "sensitivity for melanoma of at least 0.90"."""
    threshold: float = Field(gt=0, lt=1)
    sensitivity: Measured
    specificity: Measured
    chosen_on: str
    measured_on: str

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        figures = (self.sensitivity, self.specificity)
        if not all(0 <= share <= 1 for one in figures for share in (one.value, one.low, one.high)):
            raise ValueError("sensitivity and specificity are shares from 0 to 1")
        return self


class Evaluation(Record):
    """Metrics on one evaluation set; `groups` counts lesions or duplicate groups, over which is bootstrapped."""

    description: str
    images: int = Field(ge=0)
    positives: int = Field(ge=0)
    groups: int = Field(ge=0)
    metrics: dict[str, Measured]
    seen_in_training: bool


class SourceRecord(Record):
    """One source of data: its licence and how many of its images went where."""

    name: str
    licence: str
    images: int = Field(ge=0)
    training: int = Field(ge=0)
    validation: int = Field(ge=0)
    test: int = Field(ge=0)
    removed: int = Field(ge=0)


class TrainingRecord(Record):
    """How the version was trained and from what."""

    recipe: dict[str, Scalar | list[Scalar]]
    sources: list[SourceRecord]
    notes: list[str]


class Calibration(Record):
    """How scores became probabilities, and the prevalence of malignancy for which they are probabilities."""

    method: str
    prevalence: float = Field(gt=0, lt=1)
    fitted_on: str
    parameters: dict[str, float]


class ValidatedRuntime(Record):
    """A runtime and precision that were compared, on real images, with TensorFlow in f32.

    Differences are absolute differences of a probability; `tolerance` is how far golden outputs may be off;
    a runtime that is off by more than 0.1 is another model.
    """

    runtime: Literal["openvino", "tensorflow"]
    precision: Literal["f32", "bf16"]
    images: int = Field(ge=0)
    mean_difference: float = Field(ge=0)
    largest_difference: float = Field(ge=0)
    tolerance: float = Field(gt=0, le=0.1)
    emulated: bool = False
    """Whether the differences are those of an emulation, on a processor that does not compute in this precision. What
    the runtime really does is then known on the processor that serves, by its golden images."""


class Golden(Record):
    """An image in the version's `golden/` and the row of every recorded output that it gave, flattened."""

    file: str
    outputs: dict[str, list[float]] = Field(min_length=1)


class Pinned(Record):
    """One exact version: a number alone could mean other weights tomorrow, a digest cannot."""

    name: ModelName
    version: int = Field(ge=1)
    digest: Sha256


class Diagnosis(Record):
    """A diagnosis that a classifier tells apart: its name, its codes in WHO's ICD-10, and which class it belongs to."""

    name: str = Field(min_length=1)
    icd10: list[Annotated[str, Field(pattern=r"^[A-Z][0-9]{2}(\.[0-9])?$")]] = Field(min_length=1)
    class_name: str


Issue = Literal[
    "blurred", "too_dark", "too_bright", "too_small", "hair", "ruler", "glare", "no_lesion", "not_dermoscopic", "grey",
    "wrong_colours", "elongated"
]  # fmt: skip
Learned = Literal["dermoscopic", "free_of_hair", "free_of_ruler"]
"""Outputs of the graph, 0 to 1; a version has those that its limits are on."""
Measure = (
    Literal["sharpness", "light", "whiteness", "side", "hair", "glare", "contrast", "colour", "redness", "elongation"]
    | Learned
)


class Limit(Record):
    """An image has the issue where the measure is below `least` or above `most`; exactly one of the two is given.

    Measures are those of `dermoscopy.quality`, and outputs of the graph.
    """

    issue: Issue
    measure: Measure
    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.least is None) == (self.most is None):
            raise ValueError("a limit has either least or most")
        return self


class Refusals(Record):
    """How many images of one kind the version abstains on."""

    description: str
    images: int = Field(ge=1)
    abstained: Measured
    issues: dict[Issue, float]
    """Issue -> share of the images that have it; an image may have several."""
    learned: bool = False
    """Whether the gate learned from pictures of this kind: such a figure says little of other kinds."""


class Sweep(Record):
    """One change of good images, in rising strength, and from which strength on nearly all of them are refused."""

    description: str
    abstained: dict[str, float]
    """Strength -> share of the images that are refused."""
    caught_from: float | None
    """The least strength from which on at least 95 % are refused; None if that was never so."""


class Gate(Record):
    """When a version does not answer, and how often that was measured to be so."""

    limits: list[Limit] = Field(min_length=1)
    chosen_on: str
    good: dict[str, Refusals]
    """Images that must be answered."""
    wrong: dict[str, Refusals]
    """Kinds of images that must not."""
    sweeps: dict[str, Sweep]


class InputContract(Record):
    """What the graph takes: one uint8 RGB image per row, prepared by this version of `dermoscopy.prepare`."""

    name: Literal["image"] = "image"
    dtype: Literal["uint8"] = "uint8"
    shape: tuple[Literal[224], Literal[224], Literal[3]] = (224, 224, 3)
    colour: Literal["RGB"] = "RGB"
    preprocessing_version: str


class Manifest(Record):
    """The whole manifest; see the fields. Consistency of its parts is checked when it is made and when it is read."""

    schema_version: Literal[1] = 1
    name: ModelName
    version: int = Field(ge=1)
    task: Literal["classification", "grading"]
    created: AwareDatetime
    summary: str
    label_policy: str
    """What malignant means, or from which labels a stage grade was learned."""
    classes: dict[str, str] = Field(min_length=2)
    """In the order of the output: class -> what it means."""
    diagnoses: dict[str, Diagnosis] = {}
    """In the order of the output of that name: code -> what it is; empty for a version that tells none apart."""
    evidence: dict[str, str] = {}
    """Class -> how well the data supports it; empty for a classifier."""
    input: InputContract
    files: dict[str, FileRecord] = {}
    """Every file of the version but the manifest. Empty only before `publish` fills it in."""
    calibration: Calibration | None = None
    operating_points: list[OperatingPoint] = []
    default_operating_point: str | None = None
    evaluations: dict[str, Evaluation]
    training: TrainingRecord
    runtimes: list[ValidatedRuntime]
    golden: list[Golden] = Field(min_length=1)
    novelty_quantiles: dict[str, float] = {}
    gate: Gate | None = None
    """None for a version that answers whatever it is shown."""
    intended_use: str
    classifier: Pinned | None = None
    """The classifier that a grader was built on; a grader is only ever run beside exactly this one."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_task(self)
        _check_files(self)
        names = [point.name for point in self.operating_points]
        if len(set(names)) != len(names):
            raise ValueError("operating points must have distinct names")
        if names and self.default_operating_point not in names:
            raise ValueError(f"default_operating_point must be one of {', '.join(names)}")
        if not names and self.default_operating_point is not None:
            raise ValueError("default_operating_point names a point that is not there")
        if not self.evidence.keys() <= self.classes.keys():
            raise ValueError("evidence speaks of classes that the model does not have")
        if not {diagnosis.class_name for diagnosis in self.diagnoses.values()} <= self.classes.keys():
            raise ValueError("a diagnosis belongs to a class that the model does not have")
        pairs = [(entry.runtime, entry.precision) for entry in self.runtimes]
        if len(set(pairs)) != len(pairs):
            raise ValueError("each runtime and precision must be listed once")
        return self

    def validated(self, runtime: str, precision: str) -> ValidatedRuntime | None:
        """The record for a runtime and precision, or None when they were not validated."""
        return next((r for r in self.runtimes if (r.runtime, r.precision) == (runtime, precision)), None)

    def melanoma_sensitivity(self, point: OperatingPoint) -> Measured | None:
        """Share of the melanomas alone that an operating point finds, on what its other figures were measured on.

        None where that was not measured: for its sensitivity counts every malignancy, whatever it is named after.
        """
        name = f"melanoma_sensitivity@{point.name}"
        there = [one for one in self.evaluations.values() if one.description == point.measured_on]
        return there[0].metrics.get(name) if len(there) == 1 else None

    def to_bytes(self) -> bytes:
        """The manifest as it is written to disk: indented UTF-8 JSON with a final newline."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def _check_task(manifest: Manifest) -> None:
    """A classifier can say benign and has a threshold; a grader names its stages by number and pins its classifier."""
    if manifest.task == "classification":
        if "benign" not in manifest.classes:
            raise ValueError("a classifier needs the class 'benign'")
        if not manifest.operating_points:
            raise ValueError("a classifier needs at least one operating point")
        if manifest.classifier is not None:
            raise ValueError("only a grader pins a classifier")
    else:
        if not all(_STAGE.fullmatch(stage) for stage in manifest.classes):
            raise ValueError("a grader's classes are stage numbers, such as 1")
        if manifest.classifier is None:
            raise ValueError("a grader must pin its classifier")


def _check_files(manifest: Manifest) -> None:
    """Paths stay inside the version and are not hidden; golden images and the SavedModel are among the files."""
    for path in [*manifest.files, *(golden.file for golden in manifest.golden)]:
        parts = PurePosixPath(path).parts
        hidden = any(part.startswith(".") for part in parts)
        if not parts or path.startswith("/") or "\\" in path or hidden or "/".join(parts) != path:
            raise ValueError(f"not a plain relative path: {path!r}")
    if MANIFEST_FILE in manifest.files:
        raise ValueError("a manifest cannot list itself")
    if manifest.files:
        needed = [*SAVED_MODEL_FILES, *(golden.file for golden in manifest.golden)]
        missing = [path for path in needed if path not in manifest.files]
        if missing:
            raise ValueError(f"files does not list {', '.join(missing)}")
