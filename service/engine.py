"""Which version answers: what the labels name, looked at twice a second, and changed only for one that proved itself.

A label that was moved is followed once its version is verified, loaded and gave the recorded answers for its golden
images. Until then, and if it never does, the version before goes on answering.
"""

import logging
import threading
import time
import zlib
from dataclasses import dataclass, replace

from model_store.errors import RefusedVersion, StoreError, UnknownLabel, UnreadableLabels
from model_store.golden import check_one
from model_store.labels import LABELS_FILE, Label, Labels
from model_store.store import Store
from service import log
from service.loading import CLASSIFIER, GRADER
from service.newcomers import Newcomers
from service.priority import give_way
from service.problems import NotReady
from service.settings import Settings
from service.trials import signature, why
from service.versions import Served, Untried, Versions, keep_compiled

STABLE = "stable"
CANARY = "canary"

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


@dataclass(frozen=True)
class Answering:
    """What answers for a label: not always what it names."""

    served: Served
    trouble: str | None = None
    """Why what the label names does not answer, if it does not."""


class Engine:
    """The labels in force and the versions behind them. Safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self.store = Store(settings.store)
        self.labels = Labels(self.store, settings.state)
        self.versions = Versions(self.store, settings)
        self.started = False
        self._label_files = (settings.store / LABELS_FILE, settings.state / LABELS_FILE)
        self._lock = threading.RLock()
        self._seen: object = None
        self._models = frozenset[str]()
        self._there_then = frozenset[str]()
        self._newcomers = Newcomers(self.store, self.versions)
        self._named: dict[tuple[str, str], Label] = {}
        self._answering: dict[tuple[str, str], Answering] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._unreadable: UnreadableLabels | None = None
        self._nothing: str | None = None
        self._pulsed = time.monotonic()
        self._pulse_trouble: str | None = None

    def start(self) -> None:
        """Loads what the labels name. What cannot be served is logged and stays refused; the service still starts.

        A second call waits for the first.
        """
        with self._lock:
            if self.started:
                return
            self._newcomers.leave_alone(self._newcomers.there())  # requests need the processors now
            try:
                self.refresh()
            except UnreadableLabels as error:
                log.event("labels_unreadable", logging.ERROR, reason=str(error))
            finally:
                self.started = True

    def watch(self, stop: threading.Event) -> None:
        """Follows labels and store until told to stop; blocking, in a thread of its own."""
        give_way()
        begun = time.monotonic()
        while not stop.wait(POLL_SECONDS):
            try:
                self.refresh()
                self.versions.expect_crowds()
                keep_compiled(self.versions.loaded())
                if time.monotonic() - begun >= ALL_TRIED_SECONDS:
                    self._newcomers.leave_alone(())
                self._newcomers.look()
                self._let_go()
                if time.monotonic() - self._pulsed >= PULSE_SECONDS:
                    self.pulse()
            except UnreadableLabels:
                continue  # whoever asks by label hears it, and so does /readyz
            except Exception as error:  # noqa: BLE001 - whatever it is, the service must go on watching
                log.failure("watch_failed", error)

    def needed(self) -> list[str]:
        """The models without whose `stable` version the service is not ready: a store may have no grader."""
        if self._unreadable is None and (GRADER, STABLE) not in self._named:
            return [CLASSIFIER]
        return [CLASSIFIER, GRADER]

    def find(self, name: str, selection: Selection, request_id: str = "") -> Served | None:
        """The version if it is in memory, at no cost; None if `get` must load it, or say why not.

        Args:
            name: The model.
            selection: Which version.
            request_id: Decides whether `canary` answers; the same id always gets the same version.

        Raises:
            UnreadableLabels: A labels file is damaged.
        """
        if selection.version is not None:
            return self.versions.in_memory((name, selection.version))
        if self._unreadable is not None:
            raise UnreadableLabels(self._unreadable.message)
        answering = self._answering.get((name, selection.label or self._drawn(name, request_id)))
        return None if answering is None else answering.served

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
            return self.versions.get(name, selection.version, untried="wait")
        self.refresh()
        label = selection.label or STABLE
        answering = self._answering.get((name, label))
        if answering is not None:
            return answering.served
        named = self._named.get((name, label))
        if named is None:
            if selection.label is None and self._nothing is not None:  # a fault of the setup, not of who asks
                raise NotReady(self._nothing)
            # What was asked for is the client's, and is not repeated.
            which = "has the label that was asked for" if selection.label else f"is labelled {label!r}"
            raise UnknownLabel(f"No version of {name} {which}.")
        return self.versions.get(name, named.version, named.digest, untried="wait")

    def answering(self, name: str, label: str) -> Answering | None:
        """What answers for a label now; None if nothing does."""
        return self._answering.get((name, label))

    def reason(self, name: str, label: str) -> str:
        """Why nothing answers for a label."""
        if reason := self._refused.get((name, label)):
            return reason
        named = self._named.get((name, label))
        if named is not None:
            return f"Version {named.version} of {name} is being loaded."
        return f"No version of {name} is labelled {label!r}."

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
        with self._lock:
            seen, there = tuple(signature(path) for path in self._label_files), self._there()
            answering = {name for name, _ in self._answering}
            if answering and answering.isdisjoint(there):
                return  # the store is away, as while it is mounted anew: what is in memory goes on answering
            # A model that comes later may have labels already; one whose folder is gone for a moment keeps its own.
            if seen != self._seen or there != self._there_then or self._unreadable is not None:
                self._models |= there
                self._named = self._read()
                self._seen, self._there_then = seen, there
                self._tell_of_nothing()
            for key in self._answering.keys() - self._named.keys():
                del self._answering[key]
            self._refused = {key: reason for key, reason in self._refused.items() if key in self._named}
            for (name, label), named in self._named.items():
                self._follow(name, label, named)

    def close(self) -> None:
        """Ends what is being tried."""
        self.versions.close()

    def pulse(self) -> None:
        """Takes a golden image of everything that answers through its runtime once more."""
        trouble = None
        for served in {answering.served.key: answering.served for answering in list(self._answering.values())}.values():
            try:
                check_one(served.stored, served.runtime, served.stored.manifest.golden[0], served.sample)
            except RefusedVersion as error:
                trouble = f"{served.stored.name}/{served.stored.version}: {error}"
                log.event("pulse_failed", logging.ERROR, model=served.stored.name, reason=str(error))
        self._pulse_trouble, self._pulsed = trouble, time.monotonic()

    @property
    def trouble(self) -> str | None:
        """Why a prediction has not come out right lately; None if one has."""
        if self._unreadable is not None:
            return self._unreadable.message
        if time.monotonic() - self._pulsed > PULSE_VALID_SECONDS:
            return f"No prediction was tried for {PULSE_VALID_SECONDS:g} seconds."
        return self._pulse_trouble

    def _drawn(self, name: str, request_id: str) -> str:
        canary = self._named.get((name, CANARY))
        if canary is None or not canary.share or (name, CANARY) not in self._answering:
            return STABLE
        return CANARY if zlib.crc32(request_id.encode()) < canary.share * 2**32 else STABLE

    def _read(self) -> dict[tuple[str, str], Label]:
        try:
            models = sorted(self._models.union(self.store.names()))
            found = {(name, label): named for name in models for label, named in self.labels.all(name).items()}
        except UnreadableLabels as error:
            self._unreadable = error
            raise
        except OSError as error:
            self._unreadable = UnreadableLabels(f"The labels cannot be read: {why(error)}.")
            raise self._unreadable from error
        self._unreadable = None
        return found

    def _tell_of_nothing(self) -> None:
        """A folder that was mistyped or is not mounted is no error: a store may be filled later."""
        if (CLASSIFIER, STABLE) in self._named:
            self._nothing = None
            return
        reason = f"No version of {CLASSIFIER} is labelled {STABLE!r}." if self._there() else "The store has no model."
        if reason != self._nothing:
            store = str(self.store.root.absolute())
            log.event("nothing_to_serve", logging.WARNING, store=store, reason=reason)
        self._nothing = reason

    def _there(self) -> frozenset[str]:
        try:
            return frozenset(self.store.names())
        except OSError:
            return frozenset()  # `_read` says why

    def _follow(self, name: str, label: str, named: Label) -> None:
        before = self._answering.get((name, label))
        if before is not None and before.served.stored.digest == named.digest:
            self._answering[name, label] = Answering(before.served)
            self._refused.pop((name, label), None)
            return
        begun, refused = time.perf_counter(), self._refused.pop((name, label), None)
        try:
            untried: Untried = "leave" if self.started else "load"  # a start waits for nothing that it need not
            served = self.versions.get(name, named.version, named.digest, untried=untried)
        except NotReady as error:  # told by the next look
            if before is not None:
                self._answering[name, label] = replace(before, trouble=error.detail)
            return
        except StoreError as error:
            reason = str(error)
            self._refused[name, label] = reason
            if reason != refused:
                log.event("refused", logging.WARNING, model=name, label=label, version=named.version, reason=reason)
            if before is not None:
                self._answering[name, label] = replace(before, trouble=reason)
            return
        self._answering[name, label] = Answering(served)
        log.event("serving", label=label, **_identity(served), seconds=round(time.perf_counter() - begun, 2))

    def _let_go(self) -> None:
        kept = [answering.served for answering in list(self._answering.values())]
        for name, version in self.versions.unload(kept, IDLE_SECONDS):
            log.event("unloaded", model=name, version=version)


def _identity(served: Served) -> dict[str, object]:
    return {
        "model": served.stored.name,
        "version": served.stored.version,
        "digest": served.stored.digest,
        "runtime": served.runtime.name,
        "precision": served.runtime.precision,
    }
