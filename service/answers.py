"""What the service answers, field by field; /docs is made from this file."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from model_store.manifest import Issue, Manifest

Decision = Literal["benign", "malignant", "abstained"]
State = Literal["available", "serving", "loading", "refused"]


class Answer(BaseModel):
    """Base of all: immutable, without a number that is none; a field's docstring becomes its description."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, json_schema_serialization_defaults_required=True)


class OperatingPointInfo(Answer):
    """The threshold that made the decision, and what it was measured to do."""

    name: str
    threshold: float
    """A probability that reaches it is called malignant."""
    sensitivity: float
    """Share of the images of malignant lesions of `measured_on`, of every kind, that were called malignant."""
    sensitivity_ci: tuple[float, float]
    """Its 95 % confidence interval, over lesions: several images of one are not independent."""
    melanoma_sensitivity: float | None = None
    """The same of the images of melanomas among them alone; null if that was not measured."""
    melanoma_sensitivity_ci: tuple[float, float] | None = None
    """Its 95 % confidence interval."""
    specificity: float
    """Share of the images of benign lesions of `measured_on` that were called benign."""
    specificity_ci: tuple[float, float]
    """Its 95 % confidence interval."""
    measured_on: str
    """The images on which all three were measured; on others they differ."""


class AtPrevalence(Answer):
    """What the decision is worth where malignant lesions are as frequent as the caller says: computed by Bayes' theorem
    from what the operating point was measured to do, and not measured there."""

    prevalence: float = Field(gt=0, lt=1)
    """As it was asked for: of all lesions that are photographed there, the share that is malignant."""
    probability: float | None = Field(ge=0, le=1)
    """Of malignant, shifted from the prevalence that the version is calibrated for; null if it is for none."""
    ppv: float | None = Field(ge=0, le=1)
    """Positive predictive value: of the lesions called malignant, the share that is; null if it cannot be known."""
    ppv_ci: tuple[float, float] | None
    """At the ends of the 95 % intervals of sensitivity and specificity together."""
    npv: float | None = Field(ge=0, le=1)
    """Negative predictive value: of the lesions called benign, the share that is; null if it cannot be known."""
    npv_ci: tuple[float, float] | None
    """As for `ppv_ci`."""


class Quality(Answer):
    """Whether the image is fit to be classified; where it is not, the decision is "abstained"."""

    acceptable: bool
    issues: list[Issue]
    """What is wrong with it; docs/quality.md says of each what it means and what helps. Empty when acceptable."""


class ImageInfo(Answer):
    """The image as it was received."""

    sha256: str
    """Of the file's bytes as received: tells which file an answer is about."""
    media_type: str
    """What the bytes are, whatever they were declared to be."""
    width: int
    """Pixels of the file, after its orientation is applied."""
    height: int
    frame: int | None = None
    """Of a DICOM object, as it was asked for; null if none was."""


class ModelInfo(Answer):
    """The version that answered."""

    name: str
    version: int
    sha256: str
    """The version's digest: the sha256 of its manifest, which holds the sha256 of every file."""
    runtime: Literal["openvino", "tensorflow"]
    precision: Literal["f32", "bf16"]


class Explanation(Answer):
    """Where the network found evidence for malignancy."""

    heatmap_png: str
    """A PNG in base64, transparent where there is no evidence, to be laid over the upright image."""


class SuspectedInfo(Answer):
    """One of the likeliest diagnoses; a suspicion from one picture, not a diagnosis."""

    code: str
    """As the training data names it, such as "bcc"."""
    name: str
    icd10: list[str]
    """Codes of the WHO's ICD-10 that it comprises."""
    probability: float = Field(ge=0, le=1)


class ClassifyAnswer(Answer):
    """Benign or malignant, with the probability behind it and the threshold that decided."""

    request_id: str
    decision: Decision
    probability: float | None = Field(ge=0, le=1)
    """Calibrated, of malignant (melanoma or another skin cancer or precursor); null when abstained."""
    calibrated_for_prevalence: float | None = Field(default=None, gt=0, lt=1)
    """The prevalence for which `probability` is calibrated: where malignant lesions are rarer, it is too high. null:
    the version does not say."""
    classes: dict[str, float] | None
    """Their probabilities; null when abstained."""
    differential: list[SuspectedInfo] | None = None
    """The three likeliest diagnoses, falling; null when abstained, or of a version that tells none apart."""
    operating_point: OperatingPointInfo
    at_prevalence: AtPrevalence | None = None
    """null unless a prevalence was sent; also null when abstained."""
    quality: Quality | None = None
    """null: not measured by this version."""
    image: ImageInfo
    model: ModelInfo
    explanation: Explanation | None = None
    """null unless explain=true; also null when abstained."""
    intended_use: str


class Classification(Answer):
    """What the grader's own classifier says of the image; the same as /classify says with that version."""

    decision: Decision
    probability: float | None = Field(ge=0, le=1)
    calibrated_for_prevalence: float | None = Field(default=None, gt=0, lt=1)
    """The prevalence for which `probability` is calibrated: where malignant lesions are rarer, it is too high. null:
    the version does not say."""
    classes: dict[str, float] | None
    differential: list[SuspectedInfo] | None = None
    """The three likeliest diagnoses, falling; null when abstained, or of a version that tells none apart."""
    operating_point: OperatingPointInfo
    at_prevalence: AtPrevalence | None = None
    """null unless a prevalence was sent; also null when abstained."""
    quality: Quality | None = None
    model: ModelInfo
    explanation: Explanation | None = None


class GradeInfo(Answer):
    """The stage grade that the image resembles; no clinical stage, which no image shows."""

    stage: int
    probabilities: dict[str, float]
    meaning: dict[str, str]
    label_policy: str
    """From which labels the grades were learned."""
    evidence: dict[str, str]
    """How well the data supports each grade."""
    caveat: str | None
    """Why this grade says little: the lesion is likelier benign, or (with always=true) it would have been withheld."""


class AjccInfo(Answer):
    """AJCC stage from the pathology that the caller sent."""

    t_category: str | None
    clinical_stage_group: str | None
    edition: str
    basis: str
    """From what it was computed, and what is missing or contradicts itself."""


class GradeAnswer(Answer):
    """The classification, and the stage grade that the image resembles if the lesion looks like a melanoma."""

    request_id: str
    classification: Classification
    grade: GradeInfo | None
    """null when withheld."""
    grade_withheld: str | None
    """Why there is no grade; null when there is one."""
    ajcc: AjccInfo | None
    """null unless pathology was sent."""
    image: ImageInfo
    model: ModelInfo
    """The grader; `classification.model` is the classifier that it pins."""
    intended_use: str


class ProblemAnswer(Answer):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """What a program should look at; docs/errors.md lists them."""
    retryable: bool
    """Whether the same request may succeed later; Retry-After then says when."""
    request_id: str


class BatchItem(Answer):
    """What became of one file of a batch: an answer or a problem, never both."""

    index: int = Field(ge=0)
    """Which file, counted from 0 in the order of the form; file names are not read."""
    status: int
    """What it alone would have been answered with."""
    problem: ProblemAnswer | None = None


class ClassifyItem(BatchItem):
    """One file of /classify/batch."""

    answer: ClassifyAnswer | None = None


class GradeItem(BatchItem):
    """One file of /grade/batch."""

    answer: GradeAnswer | None = None


class BatchAnswer(Answer):
    """One item for each file, in the order of the form."""

    request_id: str
    answered: int
    """How many files have an answer."""
    failed: int
    """How many have a problem instead."""


class ClassifyBatchAnswer(BatchAnswer):
    """Benign or malignant, for each of several images."""

    items: list[ClassifyItem]


class GradeBatchAnswer(BatchAnswer):
    """Classification and stage grade, for each of several images."""

    items: list[GradeItem]


class LabelInfo(Answer):
    """Where a label points."""

    version: int
    digest: str
    serving: int | None
    """The version that answers for it: another one while `version` is being loaded, or if it must not be served; null
    if none does."""
    trouble: str | None
    """Why `version` does not answer for it, if it does not."""
    share: float | None
    """Of the requests that name neither version nor label, how many go here; used by `canary`."""


class VersionInfo(Answer):
    """One version of a model, as it stands."""

    version: int
    state: State
    """serving: loaded, its golden images came out right. available: so too when it was tried; loaded when asked for.
    refused: never served, see `reason`. loading: being tried now."""
    reason: str | None
    """Why it is refused."""
    digest: str | None
    """null while it is refused or being tried."""
    labels: list[str]
    """Labels that point to it."""
    runtime: Literal["openvino", "tensorflow"] | None = None
    precision: Literal["f32", "bf16"] | None = None


class VersionAnswer(VersionInfo):
    """One version with its manifest."""

    name: str
    manifest: Manifest | None
    """null while it is refused or being tried."""


class ModelAnswer(Answer):
    """One model: its labels and versions."""

    name: str
    labels: dict[str, LabelInfo]
    versions: list[VersionInfo]


class ModelsAnswer(Answer):
    """Every model in the store."""

    models: list[ModelAnswer]


class LiveAnswer(Answer):
    """The process answers; that says nothing of its models."""

    status: Literal["live"] = "live"


class ReadyModel(Answer):
    """What answers for `stable` of a model."""

    name: str
    version: int | None
    state: State
    reason: str | None
    """Why nothing answers; while something does, why what the label names does not."""
    golden: int
    """Golden images whose recorded outputs came out again when this version was loaded."""


class ReadyAnswer(Answer):
    """Every model that is needed is loaded, and real predictions came out right."""

    status: Literal["ready"] = "ready"
    models: list[ReadyModel]


class ProblemKind(Answer):
    """What a problem's `type` points to."""

    code: str
    status: int
    title: str
    retryable: bool
