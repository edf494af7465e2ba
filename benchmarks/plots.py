"""The plots: one for each command, in the same few colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the backend is chosen
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.comparison import BARE, CLIENTS, MANY, OURS, Comparison
from benchmarks.images import USUAL
from benchmarks.samples import REFUSALS, Samples

_OURS, _BARE, _OTHERS = "#1f5fa8", "#8a8a8a", ("#c9792b", "#4b9d6b", "#8c6bb1", "#b5495b")
_WIDE, _TALL = (10.0, 4.2), (8.0, 6.0)


def compare(found: Comparison, path: Path) -> None:
    """Images a second of each, and how they change with the number of clients."""
    figure, (left, right) = plt.subplots(1, 2, figsize=_WIDE)
    names = [name for name in found.titles if not math.isnan(found.rate(name))]
    colours = {BARE: _BARE, OURS: _OURS} | dict(zip(found.peers(), _OTHERS, strict=False))
    for place, name in enumerate(reversed(names)):
        rates = list(found.rates(name, USUAL, MANY).values())
        middle = found.rate(name)
        spread = [[middle - min(rates)], [max(rates) - middle]]
        left.barh(place, middle, xerr=spread, color=colours[name], ecolor="black", capsize=2)
        left.text(max(rates), place, f"  {middle:.0f}", va="center", fontsize=9)
    left.set_yticks(range(len(names)), [found.titles[name] for name in reversed(names)])
    left.set(xlabel="images a second", title=f"{MANY} clients, JPEG of {USUAL}")
    left.margins(x=0.15)
    right.axhline(found.rate(BARE), color=_BARE, linestyle="--", linewidth=1, label=found.titles[BARE])
    for name in (OURS, *found.peers()):
        rates = [found.rate(name, clients=count) for count in CLIENTS]
        right.plot(CLIENTS, rates, marker="o", markersize=3, color=colours[name], label=found.titles[name])
    right.set_xscale("log", base=2)
    right.set_xticks(CLIENTS, [str(count) for count in CLIENTS])
    right.set(xlabel="clients", ylabel="images a second", title=f"JPEG of {USUAL}", ylim=(0, None))
    right.set_ylim(top=1.4 * right.get_ylim()[1])  # the legend stands above all lines
    right.legend(fontsize=8, loc="upper left", ncols=2)
    _save(figure, path)


def overload(load: Samples, probes: Samples, path: Path) -> None:
    """When each request came, and how long it waited for an answer or for a refusal."""
    figure, axes = plt.subplots(figsize=_WIDE)
    begun = load.due.min()
    for samples, statuses, label, colour in (
        (load, (200,), "answered", _OURS),
        (load, REFUSALS, "refused", _OTHERS[0]),
        (probes, (200,), "probes", _OTHERS[1]),
    ):
        inside = np.isin(samples.status, statuses)
        axes.scatter(
            samples.due[inside] - begun, 1000 * samples.seconds(*statuses), s=3, alpha=0.5, color=colour, label=label
        )
    axes.set_yscale("log")
    axes.set(xlabel="seconds", ylabel="milliseconds to the answer", title="Overload")
    axes.legend(fontsize=8, markerscale=3)
    _save(figure, path)


def swaps(seconds: Sequence[float], memory_mb: Sequence[float], path: Path) -> None:
    """How long each swap took, and the memory after it."""
    figure, (above, below) = plt.subplots(2, 1, figsize=_TALL, sharex=True)
    above.bar(range(1, len(seconds) + 1), [1000 * value for value in seconds], color=_OURS)
    above.set(ylabel="milliseconds", title="Time of each swap under load")
    _level(below, range(len(memory_mb)), memory_mb)
    below.set(xlabel="swap", ylabel="MB", title="Memory of all processes")
    _save(figure, path)


def mixed(seconds: Mapping[str, Sequence[float]], path: Path) -> None:
    """How long each kind of request took."""
    _times(seconds, "Mixed requests", path)


def explain(seconds: Mapping[str, Sequence[float]], path: Path) -> None:
    """How long the answers took with a heatmap and without."""
    _times(seconds, "One client", path)


def command_line(rates: Mapping[str, Sequence[float]], path: Path) -> None:
    """Images a second of each, round by round."""
    _rates(rates, "The command line", path)


def audit(rates: Mapping[str, Sequence[float]], path: Path) -> None:
    """Images a second of each, round by round."""
    _rates(rates, "Audit trail", path)


def _rates(rates: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    figure, axes = plt.subplots(figsize=_WIDE)
    for (name, values), colour in zip(rates.items(), (_BARE, _OURS, *_OTHERS), strict=False):
        axes.plot(range(1, len(values) + 1), values, marker="o", color=colour, label=name)
        axes.set_xticks(range(1, len(values) + 1))
    axes.set(xlabel="round", ylabel="images a second", title=title, ylim=(0, None))
    axes.legend(fontsize=8)
    _save(figure, path)


def _times(seconds: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    figure, axes = plt.subplots(figsize=_WIDE)
    for (kind, values), colour in zip(seconds.items(), (_OURS, *_OTHERS), strict=False):
        axes.hist([1000 * value for value in values], bins=60, histtype="step", color=colour, label=kind)
    axes.set(xlabel="milliseconds to the answer", ylabel="requests", title=title)
    axes.legend(fontsize=8)
    _save(figure, path)


def stops(seconds: Sequence[float], answers: Sequence[int], path: Path) -> None:
    """How long each stop took, and how many requests were answered until then."""
    figure, (above, below) = plt.subplots(2, 1, figsize=_TALL, sharex=True)
    above.bar(range(1, len(seconds) + 1), seconds, color=_OURS)
    above.set(ylabel="seconds", title="From SIGTERM under load to the end")
    below.bar(range(1, len(answers) + 1), answers, color=_OTHERS[1])
    below.set(xlabel="stop", ylabel="answers", title="Requests that were answered")
    _save(figure, path)


def soak(columns: Mapping[str, Sequence[float]], path: Path) -> None:
    """Milliseconds to an answer, and memory, over time: the columns `minute`, `p50`, `p99` and `memory_mb`."""
    minutes = columns["minute"]
    figure, (above, below) = plt.subplots(2, 1, figsize=_TALL, sharex=True)
    above.plot(minutes, columns["p99"], color=_OURS, label="p99")
    above.plot(minutes, columns["p50"], color=_OTHERS[1], label="p50")
    above.set(ylabel="milliseconds to the answer", title="Soak", ylim=(0, None))
    above.legend(fontsize=8)
    _level(below, minutes, columns["memory_mb"])
    below.set(xlabel="minutes", ylabel="MB", title="Memory of all processes")
    _save(figure, path)


def _level(axes: Axes, x: Sequence[float], memory_mb: Sequence[float]) -> None:
    axes.plot(x, memory_mb, color=_OURS)
    axes.set_ylim(0, 1.2 * max(memory_mb))


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)
