"""The licence of a version's weights, which follows from what they were trained on and what they began with."""

from __future__ import annotations

import re

from model_store.manifest import TrainingRecord
from training.texts import LICENCES

_NON_COMMERCIAL = re.compile(r"\bNC\b|non-commercial")

_HEAD = """Model weights of melanoserve

These weights were trained on images of
"""

_OURS = """\
Copyright the melanoserve authors. Some of these images, or of those that what they began with was trained on,
are under non-commercial licences. So these weights are made available for non-commercial research under the Creative
Commons Attribution-NonCommercial 4.0 International licence (CC BY-NC 4.0)."""

_THEIRS = """\
What may be done with them is for whoever trained them to say, as far as the licences of all these images and
of what they began with allow. Which licence a source has that is called "not stated" is not known to the program that
wrote this. What began with a version of melanoserve's is for non-commercial research only, as that version is: its own
LICENSE says from what."""

_TAIL = """
ImageNet weights of Keras are under the Apache License 2.0 (Google).

They come without any warranty. They are for research use only. They are not a medical device and not for use in
diagnostic procedures.
"""


def licence_of(training: TrainingRecord) -> str:
    """What stands in a version's LICENSE.

    Args:
        training: From what the version was trained; sources that had no part in that are not named.
    """
    learned = [source for source in training.sources if source.training or source.validation]
    named = "\n".join(f"- {' '.join(source.name.split())}: {source.licence}" for source in learned)
    base = training.recipe.get("base", "nothing that is known")
    known = all(source.name in LICENCES for source in learned)
    bound = str(base).startswith("classifier") or any(_NON_COMMERCIAL.search(source.licence) for source in learned)
    terms = _OURS if known and bound else _THEIRS
    return f"{_HEAD}\n{named}\n\nand began with: {base}.\n\n{terms}\n{_TAIL}"
