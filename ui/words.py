"""What the service says, in sentences: never more than it said."""

import re

from client import MelanoserveError, NotReachable, OperatingPoint, Problem, UnexpectedAnswer

DECISIONS = {
    "malignant": "Looks malignant",
    "benign": "Looks benign",
    "abstained": "Not answered",
}

ADVICE = {
    "animated_image": "Save the one picture that you mean as a file of its own.",
    "contradictory_colours": "Export it once more from the program that took it, as JPEG or PNG.",
    "corrupt_image": "Export the original once more; a copy was probably cut off on its way.",
    "deadline_exceeded": "The service is busy. Ask again in a moment.",
    "empty_image": "The file is empty. Export it once more.",
    "image_too_large": "Save it smaller or as JPEG; the model looks at 224 pixels in each direction.",
    "image_too_small": "Send the original, not a thumbnail.",
    "insufficient_scope": "The API key was not made for this. Ask whoever runs the service for one that is.",
    "key_expired": "Ask whoever runs the service for a new API key.",
    "no_such_frame": "Choose one that the file has.",
    "not_a_photograph": "Upload the object that holds the photograph of the lesion.",
    "overloaded": "The service is busy. Ask again in a moment.",
    "rate_limited": "Too many images in a short time. Ask again in a moment.",
    "state_not_writable": "Whoever runs the service must make its state folder writable.",
    "too_many_pixels": "Save it smaller; the model looks at 224 pixels in each direction.",
    "unauthorized": "The service asks for an API key. Whoever runs this page sets MELANOSERVE_KEY for it.",
    "unknown_operating_point": "Choose another operating point under “Options”.",
    "unreportable_object": "Whoever runs the archive can correct the object; the answer about its picture stands.",
    "unsupported_image_type": "Save the picture as JPEG, PNG, TIFF, WebP or BMP, or as a DICOM photograph in colour.",
    "unsupported_transfer_syntax": "Export it from the archive uncompressed, or as JPEG.",
    "version_refused": "Whoever runs the service finds the reason under “Models”, and can move the label back.",
}
"""Code of a problem -> what whoever looks at the page can do about it."""

BETTER = {
    "blurred": "Hold the dermoscope still, focus, and use contact fluid.",
    "too_dark": "Switch the dermoscope's light on, or expose longer.",
    "too_bright": "Expose shorter.",
    "too_small": "Send the original, not a thumbnail.",
    "hair": "Trim or part the hair, or press it flat with fluid.",
    "ruler": "Take the ruler off the lesion: beside it, or out of the picture.",
    "glare": "Use polarised light or contact fluid.",
    "no_lesion": "Put the lesion in the middle of the picture.",
    "not_dermoscopic": "Photograph the lesion alone, through a dermoscope.",
    "grey": "Send the picture in colour.",
    "wrong_colours": "Send it in the colours that the dermoscope gave: white light, red and blue not exchanged.",
    "elongated": "Send one picture of the lesion as it was taken: no strip, and no two beside each other.",
}
"""What is wrong with a picture -> how to take a better one."""


def trouble(error: MelanoserveError) -> str:
    """What went wrong and what to do, in sentences."""
    if isinstance(error, NotReachable):
        return (
            "The service cannot be reached. Nothing was lost: ask again as soon as it is back. "
            f"If it stays away, whoever runs it should know: {_sentence(str(error))}"
        )
    if isinstance(error, UnexpectedAnswer) or not isinstance(error, Problem):
        return f"Something else than melanoserve answered. Whoever runs this page should know: {_sentence(str(error))}"
    advice = ADVICE.get(error.code)
    if advice is None:
        advice = "Ask again in a moment." if error.retryable else "Asking again unchanged cannot help."
    return f"{_sentence(error.title)} {_sentence(error.detail)} {advice}"


def several(error: MelanoserveError) -> str:
    """What to do about a DICOM file that has several frames, and how many, in sentences."""
    many = f" {_sentence(error.detail)}" if isinstance(error, Problem) else ""
    return f"This file holds several pictures: choose below which one you mean.{many}"


def reference(error: MelanoserveError) -> str:
    """What whoever runs the service finds the request by; empty where it never saw one."""
    return f"{error.code}, request {error.request_id}" if isinstance(error, Problem) else ""


def issue(name: str) -> str:
    """What is wrong with a picture, and how to take a better one where that is known."""
    return f"{name.replace('_', ' ').capitalize()}. {BETTER.get(name, '')}".rstrip()


def percent(share: float, places: int = 1) -> str:
    """A share of 0 to 1 in per cent, with so many places after the point, and never a certainty that nobody has."""
    least = 10.0**-places
    if 0 < share < least / 100:
        return f"less than {least:.{places}f} %"
    if 1 - least / 100 < share < 1:
        return f"more than {100 - least:.{places}f} %"
    return f"{100 * share:.{places}f} %"


def apart(first: float, second: float) -> tuple[str, str]:
    """Two shares in per cent; where they are not the same they do not read the same, however many places that takes."""
    places = 1
    while first != second and percent(first, places) == percent(second, places) and places < _MOST_PLACES:
        places += 1
    return percent(first, places), percent(second, places)


def span(low: float, high: float) -> str:
    """An interval of shares."""
    begin, end = apart(low, high)
    return f"{begin.removesuffix(' %')} to {end}"


def about(count: float) -> str:
    """How many of some lesions, on average: a few are not rounded to none, nor to so much more or less."""
    if count < 1:
        return "fewer than 1"
    text = f"{count:.0f}" if count >= 10 else f"{count:.1f}".removesuffix(".0")
    return f"about {text}"


def point(found: OperatingPoint, probability: float | None = None) -> str:
    """What an operating point was measured to do.

    Args:
        found: The operating point.
        probability: What the threshold is compared with on the same page, if there is anything.
    """
    threshold = percent(found.threshold) if probability is None else apart(probability, found.threshold)[1]
    melanomas = ""
    if found.melanoma_sensitivity is not None and found.melanoma_sensitivity_ci is not None:
        share, ends = found.melanoma_sensitivity, found.melanoma_sensitivity_ci
        melanomas = f", of 100 of melanomas about {_hundred(share)} ({_hundreds(ends)}),"
    return (
        f"A lesion is called malignant from a probability of {threshold} on. Of 100 pictures of malignant lesions that "
        f"finds about {_hundred(found.sensitivity)} ({_hundreds(found.sensitivity_ci)}){melanomas} and misses the "
        f"others; of 100 of benign ones it leaves about {_hundred(found.specificity)} "
        f"({_hundreds(found.specificity_ci)}) alone and raises a false alarm at the others."
    )


def title(name: str) -> str:
    """A name of the service, such as melanoma_sensitivity_95, for people."""
    return re.sub(r"_(\d+)$", r" \1 %", name).replace("_", " ").capitalize()


def metric(name: str) -> str:
    """A figure of a manifest, such as sensitivity@melanoma_sensitivity_95, for people."""
    figure, _, at = name.partition("@")
    text = title(figure).replace("Auc", "AUC")
    return f"{text}, at {title(at).lower()}" if at else text


_MOST_PLACES = 17
"""More do not tell two floating-point numbers apart."""


def _hundred(share: float) -> str:
    """Of a hundred; all or none of them only where it is."""
    if 0 < share < 1 and not 0.005 < share < 0.995:
        return f"{min(max(100 * share, 0.1), 99.9):.1f}"
    return f"{100 * share:.0f}"


def _hundreds(interval: tuple[float, float]) -> str:
    return f"95 % interval {_hundred(interval[0])} to {_hundred(interval[1])}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
