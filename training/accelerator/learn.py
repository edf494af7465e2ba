"""Learns a job's network on an accelerator, its teachers before it."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray
from tqdm import tqdm

from training.accelerator.loop import Data, Drawn, Loop, Network
from training.accelerator.network import pooled_features
from training.accelerator.stored import History
from training.accelerator.teachers import Course
from training.accelerator.unpack import Job
from training.accelerator.validation import validation_auc


def learn(start: list[NDArray[np.float32]], data: Data, course: Course) -> tuple[list[NDArray[np.float32]], History]:
    """Learns a job's network, and before it those of its teachers that have not learned yet.

    Args:
        start: The weights that it begins with, in Keras's order.
        data: The images on the device.
        course: What to learn, and how.

    Returns:
        The averaged weights in Keras's order, and loss and validation AUC by epoch.

    Raises:
        BadWeights: A teacher is kept that was learned otherwise.
        OSError: A teacher cannot be read or written.
    """
    job, recipe, features = course.job, course.recipe, course.teacher.features
    teachers = _teachers(data, course)
    if teachers:
        auc = validation_auc(features, teachers, data, job)
        print(f"{job.name}: what {len(teachers)} of its teachers say together, validation AUC {auc:.4f}", flush=True)
    loop = Loop(recipe, pooled_features, teaches=False, taught_by=features)
    run = _Run(job.name, loop, job, 0, recipe.epochs, recipe.learning_rate)
    weights, history = run.learned(start, data._replace(teachers=teachers))
    return [np.asarray(values, np.float32) for values in weights], history


def _teachers(data: Data, course: Course) -> list[Network]:
    """As they are kept, whether they learned now or before: what they teach does not depend on that."""
    recipe, features = course.recipe, course.teacher.features
    loop = Loop(recipe, features, teaches=True, taught_by=features)
    numbers = range(1, recipe.teachers + 1)
    there = {number: course.kept(number) for number in numbers}  # all of them, before one takes its time
    for number in (number for number in numbers if there[number] is None):
        title = f"{course.job.name}: teacher {number}"
        run = _Run(title, loop, course.job, number, recipe.teacher_epochs, recipe.teacher_learning_rate)
        weights, history = run.learned(course.teacher.start, data)
        course.keep(number, [np.asarray(values, np.float32) for values in weights], history)
        there[number] = course.kept(number)
    return [[jnp.asarray(values) for values in weights] for weights in there.values() if weights is not None]


@dataclass(frozen=True)
class _Run:
    """One network that learns: its title, how, what, its number among the networks of its job, how long, how fast."""

    title: str
    loop: Loop
    job: Job
    number: int
    epochs: int
    rate: float

    def learned(self, start: list[NDArray[np.float32]], data: Data) -> tuple[Network, History]:
        """The averaged weights, and loss and validation AUC by epoch."""
        state, history = self.loop.begun([jnp.asarray(values) for values in start]), History()
        random = np.random.default_rng([self.loop.recipe.seed, self.number])
        for epoch in (bar := tqdm(range(self.epochs), desc=self.title, unit="epoch")):
            state, loss = self.loop.epoch(state, data, self._drawn(epoch, random))
            auc = validation_auc(self.loop.features, [state.average], data, self.job)
            history.append({"epoch": epoch, "loss": float(loss), "validation_auc": auc})
            bar.write(f"{self.title}: epoch {epoch + 1}/{self.epochs}, loss {loss:.4f}, validation AUC {auc:.4f}")
        return state.average, history

    def _drawn(self, epoch: int, random: np.random.Generator) -> Drawn:
        recipe, chance = self.loop.recipe, self.job.chance
        rate_at = optax.warmup_cosine_decay_schedule(
            0.0, self.rate, recipe.warmup_steps, max(self.epochs * recipe.steps, recipe.warmup_steps + 1)
        )
        key = jax.random.fold_in(jax.random.key(recipe.seed), self.number)
        return Drawn(
            rows=jnp.asarray(random.choice(len(chance), (recipe.steps, recipe.batch), p=chance / chance.sum())),
            rate=rate_at(np.arange(epoch * recipe.steps, (epoch + 1) * recipe.steps)),
            consistency=jnp.full(recipe.steps, 0.0 if self.loop.teaches else recipe.consistency_in(epoch)),
            key=jax.random.split(jax.random.fold_in(key, epoch), recipe.steps),
        )
