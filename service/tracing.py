"""Traces for OpenTelemetry: one span for a request and one for each of its phases, told when the request is over.

The packages are an extra (requirements/tracing.txt). Where nothing is configured, nothing of them is imported, and a
request costs one call that returns. No span holds anything of a patient: see `Finished` for all that one can hold.
"""

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

Name = TypeVar("Name", bound=str)


class TracingUnavailable(Exception):
    """An endpoint is configured, but the packages that would send to it are not installed."""


@dataclass(frozen=True)
class PhaseTime:
    """One phase of a request, on the clock of `time.perf_counter`."""

    name: str
    begun: float
    seconds: float


@dataclass(frozen=True)
class Finished:
    """A request that is over, with all that a trace may hold of it.

    Attributes:
        request_id: The one that is logged.
        endpoint: The route's template, never the path or the query: a client may have put a name or findings there.
        status: Of the answer; 0 if whoever asked had left before there was one.
        code: Of the problem; None if there was none.
        begun: When, on the clock of `time.perf_counter`.
        seconds: How long it took.
        phases: Its phases, in order.
        model: Name of the version that answered; None if none did.
        version: Its number.
        traceparent: The header of that name as it was sent (W3C Trace Context); None if there was none.
    """

    request_id: str
    endpoint: str
    status: int
    code: str | None
    begun: float
    seconds: float
    phases: tuple[PhaseTime, ...] = ()
    model: str | None = None
    version: int | None = None
    traceparent: str | None = None


class Tracer(Protocol):
    """What makes traces of requests."""

    enabled: bool
    """Whether `request` does anything; where it is False, a `Finished` need not be made."""

    def request(self, finished: Finished) -> str | None:
        """Traces a request that is over; returns at once, and never raises for what a client sent.

        Returns:
            The id of its trace in hexadecimal, for the log; None if it is not traced.
        """

    def stop(self) -> None:
        """Sends what is left; blocking, for a few seconds if the receiver does not answer."""


class NoTracer:
    """Traces nothing."""

    enabled = False

    def request(self, finished: Finished) -> str | None:
        """Does nothing."""
        return None

    def stop(self) -> None:
        """Does nothing."""


def start(endpoint: str | None, *, version: str = "unknown", share: float = 1.0) -> Tracer:
    """Starts tracing, in the process that serves: not before a fork.

    Args:
        endpoint: The whole URL that spans are posted to as OTLP over HTTP, such as
            `http://collector:4318/v1/traces`; None or empty to trace nothing.
        version: Of the software.
        share: Which share of the requests is traced, 0 to 1. One that says in its traceparent whether it is traced
            decides for itself.

    Raises:
        TracingUnavailable: There is an endpoint, and the packages are missing.
    """
    if not endpoint:
        return NoTracer()
    if not installed():
        raise TracingUnavailable("The packages for tracing are not installed; requirements/tracing.txt has them.")
    from service.tracing_otlp import OtlpTracer  # noqa: PLC0415 - its packages are an extra

    return OtlpTracer(endpoint, version, share)


def installed() -> bool:
    """Whether the packages of requirements/tracing.txt are there."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def end_to_end(begun: float, seconds: Mapping[Name, float]) -> Iterable[PhaseTime]:
    """Phases of which only the durations are known, each beginning when the one before it ended."""
    for name, took in seconds.items():
        yield PhaseTime(name, begun, took)
        begun += took
