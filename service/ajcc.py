"""T category and clinical stage group of a cutaneous melanoma, AJCC 8th edition, from pathology that the caller sends.

Source: Gershenwald et al. 2017, "Melanoma staging: evidence-based changes in the AJCC eighth edition", CA Cancer J
Clin 67:472, doi 10.3322/caac.21409. Thickness is recorded to 0.1 mm, hundredths rounded to the nearest tenth (SEER
Extent of Disease 3.2, Breslow Tumor Thickness, NAACCR item 3817) and halves up (0.75 to 0.84 mm is 0.8), and the table
is applied to what is recorded. The image plays no part here, and what was not sent is never assumed.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

EDITION = "AJCC 8"

N_CATEGORY = r"[Nn]?(?:0|[1-3][a-cA-C]?|[Xx])"
M_CATEGORY = r"[Mm]?(?:0|1(?:[a-dA-D](?:\([01]\))?)?)"

# Upper bound of the recorded thickness in mm -> T; thicker is T4.
BANDS = ((Decimal("1.0"), "T1"), (Decimal("2.0"), "T2"), (Decimal("4.0"), "T3"))
# From here on T1 is T1b whether ulcerated or not.
THICK_T1 = Decimal("0.8")

# With N0 M0. A T without its letter stands for both, and has a group only if they share it: none do.
GROUPS = {
    "Tis": "0",
    "T1a": "IA",
    "T1b": "IB", "T2a": "IB",
    "T2b": "IIA", "T3a": "IIA",
    "T3b": "IIB", "T4a": "IIB",
    "T4b": "IIC",
}  # fmt: skip


@dataclass(frozen=True)
class Pathology:
    """What a pathology report and the staging after it said; None where they said nothing.

    Attributes:
        breslow_mm: Breslow thickness in mm; exactly 0 means melanoma in situ.
        ulcerated: Whether the primary is ulcerated.
        n: Clinical N category, such as `0`, `N1a`, `NX`.
        m: Clinical M category, such as `0`, `M1b`, `M1c(1)`.
    """

    breslow_mm: Decimal | None = None
    ulcerated: bool | None = None
    n: str | None = None
    m: str | None = None


@dataclass(frozen=True)
class Stage:
    """What can be said.

    Attributes:
        t_category: `Tis`, `T1a` ... `T4b`; `T1` ... `T4` while ulceration is unknown; None without a thickness, or of
            a melanoma in situ that is said to be ulcerated.
        clinical_stage_group: `0`, `IA` ... `IIC`, `III`, `IV`; None while what was sent allows more than one.
        basis: From what it was computed, and what is missing or contradicts itself.
    """

    t_category: str | None
    clinical_stage_group: str | None
    basis: str


def stage(pathology: Pathology) -> Stage | None:
    """Computes what the pathology allows to say; None if none was sent.

    Raises:
        ValueError: `n` or `m` is not a category, or the thickness is negative.
    """
    if pathology == Pathology():
        return None
    recorded = _recorded(pathology.breslow_mm)
    t = None if _contradictory(pathology) else _t_category(pathology.breslow_mm, recorded, pathology.ulcerated)
    n, m = _digit(N_CATEGORY, pathology.n), _digit(M_CATEGORY, pathology.m)
    group = _group(t, n, m)
    sentences = [_basis(pathology, recorded)]
    if _contradictory(pathology):
        sentences.append("A melanoma in situ is not ulcerated: no T category, and no stage group that depends on it.")
    if missing := _missing(pathology, t, n, m):
        sentences.append(f"No stage group without {', '.join(missing)}.")
    return Stage(t, group, " ".join(sentences))


def _recorded(breslow_mm: Decimal | None) -> Decimal | None:
    if breslow_mm is None:
        return None
    if breslow_mm < 0:
        raise ValueError("a thickness is not negative")
    return breslow_mm.quantize(Decimal("0.1"), ROUND_HALF_UP)


def _t_category(breslow_mm: Decimal | None, recorded: Decimal | None, ulcerated: bool | None) -> str | None:
    if breslow_mm is None or recorded is None:
        return None
    if breslow_mm == 0:
        return "Tis"
    t = next((name for upper, name in BANDS if recorded <= upper), "T4")
    if t == "T1" and recorded >= THICK_T1:
        return "T1b"
    return t if ulcerated is None else t + ("b" if ulcerated else "a")


def _digit(category: str, value: str | None) -> str | None:
    """`N2b` -> `2`; NX, like nothing at all, is None: not assessed."""
    if value is None:
        return None
    if re.fullmatch(category, value) is None:
        raise ValueError(f"{value!r} is not a category of {EDITION}")
    digit = value.lstrip("NnMm")[0]
    return digit if digit.isdecimal() else None


def _group(t: str | None, n: str | None, m: str | None) -> str | None:
    if m == "1":
        return "IV"
    if m is None or n is None:
        return None
    if n != "0":
        return "III"
    return GROUPS.get(t) if t is not None else None


def _contradictory(pathology: Pathology) -> bool:
    """Either the thickness is wrong or the ulceration; which of them, nobody here can know."""
    return pathology.breslow_mm == 0 and bool(pathology.ulcerated)


def _missing(pathology: Pathology, t: str | None, n: str | None, m: str | None) -> list[str]:
    """What a stage group takes, unless what is missing turns out to decide alone, as m=1 would."""
    if m == "1":
        return []
    missing = []
    if n in (None, "0") and t not in GROUPS:  # where nodes are involved, any T is of group III
        primary = {"breslow_mm": pathology.breslow_mm, "ulcerated": pathology.ulcerated}
        missing = [name for name, value in primary.items() if value is None]
    return [*missing, *(name for name, value in (("n", n), ("m", m)) if value is None)]


def _basis(pathology: Pathology, recorded: Decimal | None) -> str:
    said = []
    if pathology.breslow_mm == 0:
        said.append("in situ (breslow_mm=0)")
    elif recorded is not None:
        said.append(f"Breslow {pathology.breslow_mm} mm, recorded as {recorded} mm")
    if pathology.ulcerated is not None:
        said.append("ulcerated" if pathology.ulcerated else "not ulcerated")
    said += [f"{name}={value}" for name, value in (("n", pathology.n), ("m", pathology.m)) if value is not None]
    return f"From the pathology sent with the request, not from the image: {', '.join(said)}."
