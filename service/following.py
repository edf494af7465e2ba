"""What the labels name and what answers for them: a label is followed once what it names has proved itself."""

import logging
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from model_store.errors import StoreError, UnreadableLabels
from model_store.labels import CANARY, LABELS_FILE, Label, Labels
from model_store.store import Store
from service import log
from service.loading import CLASSIFIER, GRADER
from service.problems import NotReady
from service.trials import signature, why
from service.versions import Served, Untried, Versions

STABLE = "stable"


@dataclass(frozen=True)
class Answering:
    """What answers for a label: not always what it names."""

    served: Served
    trouble: str | None = None
    """Why what the label names does not answer, if it does not."""


class Following:
    """The labels in force. Safe to use from many threads."""

    def __init__(self, store: Store, labels: Labels, versions: Versions, state: Path) -> None:
        """Looks at nothing yet.

        Args:
            store: The store.
            labels: Where they are kept.
            versions: Loads what they name.
            state: The folder of those that were moved.
        """
        self._store, self._labels, self._versions = store, labels, versions
        self._files = (store.root / LABELS_FILE, state / LABELS_FILE)
        self._lock = threading.RLock()
        self._seen: object = None
        self._models = frozenset[str]()
        self._there_then = frozenset[str]()
        self._named: dict[tuple[str, str], Label] = {}
        self._answering: dict[tuple[str, str], Answering] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._unreadable: UnreadableLabels | None = None
        self._nothing: str | None = None

    @property
    def unreadable(self) -> str | None:
        """Why the labels cannot be read; None if they can."""
        unreadable = self._unreadable
        return None if unreadable is None else unreadable.message

    @property
    def nothing(self) -> str | None:
        """Why nothing answers those who ask for nothing special; None if the labels name something for them."""
        return self._nothing

    @property
    def all_answer(self) -> bool:
        """Whether everything that a label names answers for it."""
        found = [(self._answering.get(key), named) for key, named in list(self._named.items())]
        return self._unreadable is None and all(
            answering is not None and answering.served.stored.digest == named.digest for answering, named in found
        )

    def needed(self) -> list[str]:
        """The models without whose `stable` version the service is not ready: a store may have no grader."""
        if self._unreadable is None and (GRADER, STABLE) not in self._named:
            return [CLASSIFIER]
        return [CLASSIFIER, GRADER]

    def find(self, name: str, label: str | None, request_id: str) -> Served | None:
        """What answers for a label now; None if nothing does.

        Args:
            name: The model.
            label: None: `stable`, or `canary` for its share of requests.
            request_id: Decides which of them; the same id always gets the same.

        Raises:
            UnreadableLabels: A labels file is damaged.
        """
        if (reason := self.unreadable) is not None:
            raise UnreadableLabels(reason)
        answering = self._answering.get((name, label or self._drawn(name, request_id)))
        return None if answering is None else answering.served

    @property
    def in_force(self) -> Mapping[tuple[str, str], Label] | None:
        """What every label names, by model and label; None while that is not known."""
        return None if self._seen is None or self._unreadable is not None else self._named

    def named(self, name: str, label: str) -> Label | None:
        """What a label names; None if there is no such label."""
        return self._named.get((name, label))

    def answering(self, name: str, label: str) -> Answering | None:
        """What answers for a label now; None if nothing does."""
        return self._answering.get((name, label))

    def all(self) -> list[Served]:
        """Everything that answers for a label, once."""
        return list({answering.served.key: answering.served for answering in list(self._answering.values())}.values())

    def reason(self, name: str, label: str) -> str:
        """Why nothing answers for a label."""
        if reason := self._refused.get((name, label)):
            return reason
        named = self._named.get((name, label))
        if named is not None:
            return f"Version {named.version} of {name} is being loaded."
        return f"No version of {name} is labelled {label!r}."

    def refresh(self, untried: Untried) -> None:
        """Looks at the labels and follows those that changed.

        Args:
            untried: What to do with a version that was not tried yet.

        Raises:
            UnreadableLabels: A labels file is damaged; what answered goes on only for who asks by number.
        """
        with self._lock:
            seen, there = tuple(signature(path) for path in self._files), self._there()
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
            # What every request needs comes before what a few ask for: trials are done one after the other.
            for (name, label), named in sorted(self._named.items(), key=lambda item: item[0][1] != STABLE):
                self._follow(name, label, named, untried)

    def _drawn(self, name: str, request_id: str) -> str:
        canary = self._named.get((name, CANARY))
        if canary is None or not canary.share or (name, CANARY) not in self._answering:
            return STABLE
        return CANARY if zlib.crc32(request_id.encode()) < canary.share * 2**32 else STABLE

    def _read(self) -> dict[tuple[str, str], Label]:
        try:
            models = sorted(self._models.union(self._store.names()))
            found = {(name, label): named for name in models for label, named in self._labels.all(name).items()}
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
            store = str(self._store.root.absolute())
            log.event("nothing_to_serve", logging.WARNING, store=store, reason=reason)
        self._nothing = reason

    def _there(self) -> frozenset[str]:
        try:
            return frozenset(self._store.names())
        except OSError:
            return frozenset()  # `_read` says why

    def _follow(self, name: str, label: str, named: Label, untried: Untried) -> None:
        before = self._answering.get((name, label))
        if before is not None and before.served.stored.digest == named.digest:
            self._answering[name, label] = Answering(before.served)
            self._refused.pop((name, label), None)
            return
        begun, refused = time.perf_counter(), self._refused.pop((name, label), None)
        try:
            served = self._versions.get(name, named.version, named.digest, untried=untried)
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


def _identity(served: Served) -> dict[str, object]:
    return {
        "model": served.stored.name,
        "version": served.stored.version,
        "digest": served.stored.digest,
        "runtime": served.runtime.name,
        "precision": served.runtime.precision,
    }
