"""Several processes that learn one network together, each on a part of every batch: on several machines or GPUs.

TensorFlow's MultiWorkerMirroredStrategy connects the processes that TF_CONFIG names. Its collectives average the
gradients; every process then takes the same step on variables of its own, so that all of them hold the same weights.
(Keras 3 cannot make or train mirrored variables across processes: its `fit` fails there, and so does its moving
average.) A process has one device: on a machine with several GPUs, start one process for each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

VARIABLE = "TF_CONFIG"

Made = TypeVar("Made")


class BadCluster(ValueError):
    """TF_CONFIG names no cluster that this process could be a part of; the message says why."""


@dataclass(frozen=True)
class Workers:
    """The processes that learn together.

    Attributes:
        index: Of this process, 0 to count - 1; 0 is the chief, which keeps checkpoints and publishes.
        count: How many there are.
        strategy: What connects them; None when this process is alone.
    """

    index: int = 0
    count: int = 1
    strategy: Any = None

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.index == 0

    def part(self, rows: Any) -> Any:
        """This process's part of an epoch: every `count`-th row, as many as every other process has."""
        return rows[: len(rows) - len(rows) % self.count][self.index :: self.count]

    def mean(self, values: Sequence[Any]) -> list[Any]:
        """The mean over all processes of each tensor; waits until all of them ask."""
        if self.strategy is None:
            return list(values)

        def reduced() -> Any:
            # Copied, so that they are on this process's own device, by which the collective knows where to reduce.
            own = [tf.identity(value) for value in values]
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, own)

        if tf.executing_eagerly():
            return list(tf.function(lambda: self.strategy.run(reduced), autograph=False)())
        return list(self.strategy.run(reduced))

    def check_same(self, what: str, value: float) -> None:
        """Refuses to go on when a number differs between processes, as their epochs must not.

        Raises:
            BadCluster: It does; the message says what.
        """
        (mean,) = self.mean([tf.constant(value, tf.float64)])
        if abs(float(mean) - value) > 1e-9 * max(1.0, abs(value)):
            raise BadCluster(f"the processes differ in {what}: here it is {value:g}, on average {float(mean):g}")

    def chief_first(self, make: Callable[[], Made]) -> Made:
        """What a function makes; the chief makes it first, and the others find what it left on disk."""
        if not self.chief:
            self.mean([tf.zeros(())])
            return make()
        made = make()
        self.mean([tf.zeros(())])
        return made

    def adopt(self, variables: Sequence[Any]) -> None:
        """Gives variables the chief's values, so that all start from the same."""
        if self.strategy is None:
            return
        share = float(self.count if self.chief else 0)
        for variable, value in zip(
            variables, self.mean([tf.cast(v, tf.float32) * share for v in variables]), strict=True
        ):
            variable.assign(np.asarray(value))


def join() -> Workers:
    """Joins the cluster of TF_CONFIG; alone if there is none, or only this process is in it.

    To be called before TensorFlow does anything else.

    Raises:
        BadCluster: TF_CONFIG cannot be read.
    """
    text = os.environ.get(VARIABLE, "")
    if not text.strip():
        return Workers()
    index, count = _place(text)
    if count == 1:
        return Workers()
    return Workers(index, count, tf.distribute.MultiWorkerMirroredStrategy())


def _place(text: str) -> tuple[int, int]:
    """This process's number in the cluster that the text describes, and how many processes that has."""
    try:
        config = json.loads(text)
        chiefs, workers = (list(config["cluster"].get(kind, [])) for kind in ("chief", "worker"))
        kind, number = config["task"]["type"], int(config["task"]["index"])
        index = {"chief": 0, "worker": len(chiefs)}[kind] + number
        members = {"chief": chiefs, "worker": workers}[kind]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadCluster(
            f'{VARIABLE} does not say {{"cluster": {{"worker": ["host:port", ...]}}, "task": {{"type": "worker", '
            f'"index": 0}}}}: {error!r}'
        ) from error
    if not 0 <= number < len(members):
        raise BadCluster(f"{VARIABLE} says that this is {kind} {number}, of which there are {len(members)}")
    return index, len(chiefs) + len(workers)
