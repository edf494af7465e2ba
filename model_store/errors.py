"""Everything that the store, its labels and its runtimes refuse to do.

StoreError
  + UnknownModel               no such model in the store
  + UnknownVersion             the model has no such version
  + UnknownLabel               nothing carries the label
  + RefusedVersion             the version is there and must not be served; `reason` says why
      x UnvalidatedPrecision   the manifest does not vouch for this runtime and precision
      x RefusedForNow          the reason may pass without a change of the version
  + VersionExists              a published version is never overwritten
  + UnreadableLabels           a labels file is damaged
  + UnknownOperatingPoint      the version has no operating point of that name
  + RuntimeUnavailable         the runtime is not installed, or does not do what was asked
  + ImplausibleOutput          the model's numbers cannot be an answer
"""

from typing import ClassVar


class StoreError(Exception):
    """Base of all refusals here: a stable `code`, and one sentence for a person that holds no patient's data."""

    code: ClassVar[str] = "store_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnknownModel(StoreError):
    """The store holds no model of this name."""

    code = "unknown_model"


class UnknownVersion(StoreError):
    """The model has no version of this number."""

    code = "unknown_version"


class UnknownLabel(StoreError):
    """No version of the model carries this label."""

    code = "unknown_label"


class RefusedVersion(StoreError):
    """The version exists and must not be served."""

    code = "refused_version"

    @property
    def reason(self) -> str:
        """Why, in one sentence; it names files relative to the version."""
        return self.message


class UnvalidatedPrecision(RefusedVersion):
    """The manifest does not say that this runtime and precision were validated for the version."""

    code = "unvalidated_precision"


class RefusedForNow(RefusedVersion):
    """It could not be found out whether it may be served: no permission, no memory, too many open files."""

    code = "refused_for_now"


class VersionExists(StoreError):
    """A version of this number is already in the store; versions are immutable."""

    code = "version_exists"


class UnreadableLabels(StoreError):
    """A labels file is not what it should be; guessing what it said could serve the wrong model."""

    code = "unreadable_labels"


class UnknownOperatingPoint(StoreError):
    """The version has no operating point of this name."""

    code = "unknown_operating_point"


class RuntimeUnavailable(StoreError):
    """The runtime is not installed here, or would not run what it was asked to run."""

    code = "runtime_unavailable"


class ImplausibleOutput(StoreError):
    """The model returned numbers that cannot be an answer: not finite, out of range or contradicting each other."""

    code = "implausible_output"
