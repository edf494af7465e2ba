"""What a synthetic photograph shows, drawn from a seed before a pixel is painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dermoscopy.synthesis.fields import Colour

# Skin under a dermoscope: pale, lilac, pink, salmon, tan, brown, dark brown. Chosen by eye, beside photographs.
_SKINS: tuple[Colour, ...] = (
    (214, 196, 188),
    (196, 182, 196),
    (218, 164, 168),
    (226, 150, 132),
    (206, 164, 132),
    (158, 112, 86),
    (112, 76, 60),
)


@dataclass(frozen=True)
class Scene:
    """A photograph in words; lengths are fractions of its side.

    Attributes:
        seed: What it was drawn from.
        malignancy: 0 (even, round, one colour) to 1 (asymmetric, ragged, many colours).
        skin: Colour of the skin.
        centre: Centre of the lesion, x and y.
        radii: Half axes of the lesion before its border is made irregular.
        direction: Unit vector of the first axis.
        lobe: Centre of the second, asymmetric part of the lesion, relative to `centre`.
        lobe_radius: Its radius; 0 when there is none.
        irregularity: How far the border strays, as a fraction of the radius.
        darkness: Amount of pigment, 0 (tan) to 1 (black).
        softness: Width of the border, as a fraction of the radius.
        variegation: How much the brown varies inside the lesion, 0 to 1.
        network: Strength of the pigment network, 0 to 1.
        network_irregularity: 0 (a fine even mesh) to 1 (broad, broken, in patches).
        globules: Strength of dots and globules, 0 to 1.
        veil: Strength of the blue-white veil, 0 to 1.
        regression: Strength of white scar-like areas with grey peppering, 0 to 1.
        redness: Strength of the pink area, 0 to 1.
        hairs: Number of hairs.
        bubbles: Number of gel bubbles.
        vignette: Radius of the lit circle; a value above 0.75 leaves only darker corners.
    """

    seed: int
    malignancy: float
    skin: Colour
    centre: tuple[float, float]
    radii: tuple[float, float]
    direction: tuple[float, float]
    lobe: tuple[float, float]
    lobe_radius: float
    irregularity: float
    darkness: float
    softness: float
    variegation: float
    network: float
    network_irregularity: float
    globules: float
    veil: float
    regression: float
    redness: float
    hairs: int
    bubbles: int
    vignette: float


def stream(seed: int, part: int) -> np.random.Generator:
    """Return the random numbers of one part of the picture, independent of how many another part draws."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, part])))


def _unit(rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.normal(size=2)
    length = float(np.sqrt(x * x + y * y)) + 1e-9
    return float(x) / length, float(y) / length


def _skin(rng: np.random.Generator) -> Colour:
    first, second = (
        _SKINS[k] for k in rng.choice(len(_SKINS), 2, replace=False, p=[0.2, 0.16, 0.2, 0.16, 0.14, 0.1, 0.04])
    )
    share = rng.uniform(0.0, 0.35)
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def draw(seed: int, malignancy: float) -> Scene:
    """Draw a scene. For one seed, `malignancy` alone changes how suspicious the same lesion looks.

    Args:
        seed: Any number that is not negative.
        malignancy: 0 to 1.
    """
    rng = stream(seed, 0)
    skin = _skin(rng)
    centre = (float(rng.uniform(0.42, 0.58)), float(rng.uniform(0.42, 0.58)))
    size = float(rng.uniform(0.13, 0.24)) * (1.0 + 0.35 * malignancy)
    flatness = float(rng.uniform(0.72, 1.0)) - 0.12 * malignancy
    direction, away = _unit(rng), _unit(rng)
    # How much each suspicious sign takes part; a melanoma need not show all of them.
    signs = rng.uniform(0.35, 1.0, 6) * malignancy
    late = np.clip((rng.uniform(0.6, 1.3, 3) * malignancy - 0.42) * 2.0, 0.0, 1.0)
    return Scene(
        seed=seed,
        malignancy=malignancy,
        skin=skin,
        centre=centre,
        radii=(size, size * flatness),
        direction=direction,
        lobe=(away[0] * size * 0.75, away[1] * size * 0.75),
        lobe_radius=size * 0.75 * float(signs[0]),
        irregularity=0.06 + 0.3 * float(signs[1]),
        darkness=float(rng.uniform(0.12, 0.5)) + 0.2 * malignancy,
        softness=float(rng.uniform(0.16, 0.42)) * (1.0 - 0.45 * float(signs[2])),
        variegation=0.12 + 0.88 * float(signs[3]),
        network=float(rng.uniform(0.25, 0.8)),
        network_irregularity=0.1 + 0.9 * float(signs[4]),
        globules=float(rng.uniform(0.0, 0.3)) + 0.7 * float(signs[5]),
        veil=float(late[0]),
        regression=float(late[1]),
        redness=0.15 + 0.6 * float(late[2]),
        hairs=int(rng.choice([0, 0, 2, 4, 7, 12])),
        bubbles=int(rng.choice([0, 0, 0, 2, 4])),
        vignette=float(rng.choice([0.46, 0.52, 0.58, 0.8, 0.8, 0.9, 0.9])),
    )
