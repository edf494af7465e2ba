"""What `python -m model_store` prints: tables and pages of plain text, nothing that decides anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC

from model_store.manifest import Manifest, Measured
from model_store.store import StoredVersion


@dataclass(frozen=True)
class Row:
    """One version as `list` shows it; `version` is None exactly when `reason` says why it is refused."""

    name: str
    number: int
    labels: list[str]
    version: StoredVersion | None
    reason: str | None

    def as_json(self) -> dict[str, object]:
        """The row for programs."""
        return {
            "name": self.name,
            "version": self.number,
            "labels": self.labels,
            "state": "refused" if self.version is None else "available",
            "digest": self.version.digest if self.version else None,
            "reason": self.reason,
        }


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns padded to their widest cell, two spaces apart."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def listing(rows: Sequence[Row]) -> str:
    """All versions of a store."""
    return table(
        ["MODEL", "VERSION", "LABELS", "STATE", "DIGEST", "WHAT IT IS"],
        [
            [
                row.name,
                str(row.number),
                ", ".join(row.labels) or "-",
                "refused" if row.version is None else "available",
                row.version.digest[:12] if row.version else "-",
                row.version.manifest.summary if row.version else f"{row.reason}",
            ]
            for row in rows
        ],
    )


def page(version: StoredVersion, labels: list[str]) -> str:
    """What is known of one version, for a person who decides whether to serve it."""
    manifest = version.manifest
    parts = [
        _head(version, labels),
        _block("What the classes mean", [f"{name}: {meaning}" for name, meaning in manifest.classes.items()]),
        _block("Learned from", [manifest.label_policy]),
        _block("How well each is supported", [f"{name}: {text}" for name, text in manifest.evidence.items()]),
        _operating_points(manifest),
        _evaluations(manifest),
        _sources(manifest),
        _runtimes(manifest),
        _block("Intended use", [manifest.intended_use]),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(version: StoredVersion, labels: list[str]) -> str:
    manifest = version.manifest
    megabytes = sum(record.size for record in manifest.files.values()) / 1e6
    lines = [
        f"{version.name}/{version.version}: {manifest.summary}",
        f"  labels   {', '.join(labels) or '-'}",
        f"  digest   {version.digest}",
        f"  created  {manifest.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        f"  files    {len(manifest.files)}, {megabytes:.1f} MB, all verified; {len(manifest.golden)} golden images",
        f"  input    preprocessing {manifest.input.preprocessing_version}",
    ]
    if manifest.calibration:
        lines.append(f"  calibrated for a prevalence of {manifest.calibration.prevalence:.3g}")
    if manifest.classifier:
        pinned = manifest.classifier
        lines.append(f"  runs only beside {pinned.name}/{pinned.version} ({pinned.digest[:12]})")
    return "\n".join(lines)


def _operating_points(manifest: Manifest) -> str:
    rows = [
        [
            f"{point.name}{' (default)' if point.name == manifest.default_operating_point else ''}",
            f"{point.threshold:.4f}",
            _measured(point.sensitivity),
            _measured(manifest.melanoma_sensitivity(point)),
            _measured(point.specificity),
            point.measured_on,
        ]
        for point in manifest.operating_points
    ]
    header = ["NAME", "THRESHOLD", "SENSITIVITY", "OF MELANOMAS ALONE", "SPECIFICITY", "MEASURED ON"]
    return _block("Operating points", table(header, rows).splitlines()) if rows else ""


def _evaluations(manifest: Manifest) -> str:
    rows = [
        [name, str(evaluation.images), "yes" if evaluation.seen_in_training else "no", metric, _measured(figure)]
        for name, evaluation in manifest.evaluations.items()
        for metric, figure in evaluation.metrics.items()
    ]
    header = ["SET", "IMAGES", "SEEN IN TRAINING", "METRIC", "VALUE (95 % CI)"]
    return _block("Evaluations", table(header, rows).splitlines()) if rows else ""


def _sources(manifest: Manifest) -> str:
    rows = [
        [s.name, s.licence, *(str(count) for count in (s.images, s.training, s.validation, s.test, s.removed))]
        for s in manifest.training.sources
    ]
    header = ["SOURCE", "LICENCE", "IMAGES", "TRAINING", "VALIDATION", "TEST", "REMOVED"]
    return _block("Data", table(header, rows).splitlines()) if rows else ""


def _runtimes(manifest: Manifest) -> str:
    rows = [
        [
            r.runtime,
            r.precision + " emulated" * r.emulated,
            str(r.images),
            *(f"{d:.2g}" for d in (r.mean_difference, r.largest_difference)),
        ]
        for r in manifest.runtimes
    ]
    header = ["RUNTIME", "PRECISION", "IMAGES", "MEAN DIFFERENCE", "LARGEST DIFFERENCE"]
    return _block("Validated to run with", table(header, rows).splitlines()) if rows else ""


def _block(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in lines)]) if lines else ""


def _measured(figure: Measured | None) -> str:
    return "-" if figure is None else f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
