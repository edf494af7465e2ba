"""Which version answers: what the labels name, looked at twice a second, and changed only for one that proved itself.

A label that was moved is followed once its version is verified, loaded and gave the recorded answers for its golden
images. Until then, and if it never does, the version before goes on answering.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from model_store.errors import RefusedVersion, UnknownLabel, UnreadableLabels
from model_store.golden import check_one
from model_store.labels import Label, Labels
from model_store.store import Store
from service import log
from service.following import STABLE, Answering, Following
from service.newcomers import Newcomers
from service.priority import give_way
from service.problems import NotReady
from service.settings import Settings
from service.unfinished import Mark
from service.versions import Served, Untried, Versions, keep_compiled

POLL_SECONDS = 0.5
PULSE_SECONDS = 5.0
"""How often a golden image is taken through what is served: readiness is a prediction that came out right just now."""
PULSE_VALID_SECONDS = 30.0
ALL_TRIED_SECONDS = 15.0
"""So long after the start, what was there from the start and no label names is tried, too."""
IDLE_SECONDS = 60.0
"""A version that no label names is forgotten so long after it was last asked for."""


@dataclass(frozen=True)
class Selection:
    """Which version a request asks for: a number, a label, or neither: `stable`, or `canary` for its share."""

    version: int | None = None
    label: str | None = None


class Engine:
    """The labels in force and the versions behind them. Safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.store)
        self.labels = Labels(self.store, settings.state)
        self.versions = Versions(self.store, settings)
        self.started = False
        self._state = settings.state
        self._mark: Mark | None = None
        self._untried: Untried = "load"  # a start waits for nothing that it need not
        self._following = Following(self.store, self.labels, self.versions, settings.state)
        self._newcomers = Newcomers(self.store, self.versions)
        self._all_tried_at = math.inf
        self._starting = threading.Lock()
        self._pulsed = time.monotonic()
        self._pulse_trouble: str | None = None
        self._wrong: dict[tuple[str, int, str], str] = {}
        """What did not give its recorded answer at the last pulse -> why."""

    def start(self) -> None:
        """Loads what the labels name. What cannot be served is logged and stays refused; the service still starts.

        If the last start did not come to its end, nothing is loaded that was not tried in a process of its own first:
        it may be what ended it. Then this ends sooner, and `watch` follows the labels. A second call waits for the
        first.
        """
        with self._starting:
            if self.started:
                return
            self._mark = Mark(self._state)
            if self._mark.left:
                self._untried = "leave"
                log.event("start_unfinished", logging.WARNING)
            self._newcomers.leave_alone(self._newcomers.there())  # requests need the processors now
            try:
                self.refresh()
            except UnreadableLabels as error:
                log.event("labels_unreadable", logging.ERROR, reason=str(error))
            finally:
                self._untried, self.started = "leave", True
            if not self._mark.left:
                self._mark.remove()

    def watch(self, stop: threading.Event) -> None:
        """Follows labels and store until told to stop; blocking, in a thread of its own."""
        give_way()
        # In another thread: while a version is loaded, which may take long, the others answer, and that must be known.
        pulse = threading.Thread(target=self._do_again, args=(stop, self._pulse_if_due), name="pulse")
        pulse.start()
        self._all_tried_at = time.monotonic() + ALL_TRIED_SECONDS
        self._do_again(stop, self._follow, self._tend)
        pulse.join()

    def _do_again(self, stop: threading.Event, *steps: Callable[[], None]) -> None:
        while not stop.wait(POLL_SECONDS):
            for step in steps:
                try:
                    step()
                except UnreadableLabels:
                    pass  # whoever asks by label hears it, and so does /readyz
                except Exception as error:  # noqa: BLE001 - whatever it is, the service must go on watching
                    log.failure("watch_failed", error)

    def needed(self) -> list[str]:
        """The models without whose `stable` version the service is not ready: a store may have no grader."""
        return self._following.needed()

    def find(self, name: str, selection: Selection, request_id: str = "") -> Served | None:
        """The version if it is in memory, at no cost; None if `get` must load it, or say why not.

        Args:
            name: The model.
            selection: Which version.
            request_id: Decides whether `canary` answers; the same id always gets the same version.

        Raises:
            UnreadableLabels: A labels file is damaged.
            RefusedVersion: It did not give its recorded answer at the last pulse.
        """
        if selection.version is not None:
            found = self.versions.in_memory((name, selection.version))
        else:
            found = self._following.find(name, selection.label, request_id)
        return None if found is None else self._sound(found)

    def _sound(self, served: Served) -> Served:
        """What computes wrongly, by a fault of memory or processor, must not answer, nor be what a grader relies on."""
        for one in _with_classifier(served):
            if reason := self._wrong.get(_of(one)):
                raise RefusedVersion(reason)
        return served

    def get(self, name: str, selection: Selection) -> Served:
        """The version, loaded if need be (about half a second); blocking.

        Raises:
            UnknownModel, UnknownVersion, UnknownLabel: There is nothing to load.
            NotReady: Nor is there for who asks for nothing special; or the version is still being tried.
            RefusedVersion: It must not be served, or it is not the one that the label names.
            RuntimeUnavailable: The runtime cannot run it.
            UnreadableLabels: A labels file is damaged.
        """
        if selection.version is not None:
            return self._sound(self.versions.get(name, selection.version, untried="wait"))
        self.refresh()
        label = selection.label or STABLE
        answering, named = self._following.answering(name, label), self._following.named(name, label)
        if answering is not None:
            return self._sound(answering.served)
        if named is None:
            if selection.label is None and self._following.nothing is not None:  # a fault of the setup
                raise NotReady(self._following.nothing)
            # What was asked for is the client's, and is not repeated.
            which = "has the label that was asked for" if selection.label else f"is labelled {label!r}"
            raise UnknownLabel(f"No version of {name} {which}.")
        return self._sound(self.versions.get(name, named.version, named.digest, untried="wait"))

    def answering(self, name: str, label: str) -> Answering | None:
        """What answers for a label now; None if nothing does."""
        return self._following.answering(name, label)

    def labels_in_force(self) -> Mapping[tuple[str, str], Label] | None:
        """What every label names, by model and label; None while that is not known."""
        return self._following.in_force

    def reason(self, name: str, label: str) -> str:
        """Why nothing answers for a label."""
        return self._following.reason(name, label)

    def try_all(self) -> None:
        """Tries every version that was not tried yet, together: sooner done than model by model. Blocking."""
        self.versions.conditions(sorted(self._newcomers.there()))

    def move(self, name: str, label: str, version: int, share: float | None) -> Label:
        """Moves a label once its version has proved itself; it answers for the label when this returns. Blocking.

        Args:
            name: The model.
            label: The label; a new name makes a new label.
            version: The version.
            share: Of the requests that name neither version nor label, how many go to this label, 0 to 1.

        Raises:
            UnknownModel, UnknownVersion, RefusedVersion, RuntimeUnavailable, NotReady: It stays where it was.
            UnknownLabel: The label cannot be a name.
            UnreadableLabels: A labels file is damaged.
            OSError: The state folder cannot be written.
        """
        served = self.versions.get(name, version, untried="wait")
        moved = self.labels.move(name, label, version, served.stored.digest, share=share)
        self.refresh()
        return moved

    def refresh(self) -> None:
        """Looks at the labels and follows those that changed; waits for no trial.

        Raises:
            UnreadableLabels: A labels file is damaged; what answered goes on only for who asks by number.
        """
        self._following.refresh(self._untried)

    def close(self) -> None:
        """Ends what is being tried."""
        self.versions.close()

    def pulse(self) -> None:
        """Takes a golden image of everything that answers through its runtime once more."""
        wrong: dict[tuple[str, int, str], str] = {}
        labelled = {id(one): one for served in self._following.all() for one in _with_classifier(served)}
        for served in (labelled | {id(one): one for one in self.versions.loaded()}).values():
            try:
                check_one(served.stored, served.runtime, served.stored.manifest.golden[0], served.sample)
            except RefusedVersion as error:
                wrong[_of(served)] = str(error)
                log.event("pulse_failed", logging.ERROR, model=served.stored.name, reason=str(error))
        named = [_of(one) for one in labelled.values() if _of(one) in wrong]
        self._pulse_trouble = f"{named[0][0]}/{named[0][1]}: {wrong[named[0]]}" if named else None
        self._wrong = wrong
        self._pulsed = time.monotonic()

    @property
    def trouble(self) -> str | None:
        """Why a prediction has not come out right lately; None if one has."""
        if (reason := self._following.unreadable) is not None:
            return reason
        if time.monotonic() - self._pulsed > PULSE_VALID_SECONDS:
            return f"No prediction was tried for {PULSE_VALID_SECONDS:g} seconds."
        return self._pulse_trouble

    def _follow(self) -> None:
        self.refresh()
        if self._mark is not None and self._following.all_answer:
            self._mark.remove()

    def _tend(self) -> None:
        self.versions.expect_crowds()
        keep_compiled(self.versions.loaded())
        if time.monotonic() >= self._all_tried_at:
            self._newcomers.leave_alone(())
        self._newcomers.look()
        self._let_go()

    def _pulse_if_due(self) -> None:
        if time.monotonic() - self._pulsed >= PULSE_SECONDS:
            self.pulse()

    def _let_go(self) -> None:
        for name, version in self.versions.unload(self._following.all(), IDLE_SECONDS):
            log.event("unloaded", model=name, version=version)


def _with_classifier(served: Served) -> list[Served]:
    """A version, and of a grader the classifier that it pins."""
    return [served] if served.classifier is None else [served, served.classifier]


def _of(served: Served) -> tuple[str, int, str]:
    return *served.key, served.stored.digest
