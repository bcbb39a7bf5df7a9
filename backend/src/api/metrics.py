"""Metrics for Prometheus: requests by route and status, and the process's CPU time and memory."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

DURATION_BUCKETS_SECONDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Upper bounds of the histogram: dense from 0.1 s to 1 s, where the objectives are."""

UNKNOWN_ROUTE: Final = "unknown"
"""Route label of requests that match no route, so that guessed paths make no new series."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Counts requests and measures how long they take."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics with ``registry``."""
        self._requests = Counter(
            "http_requests_total",
            "Requests that were answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from a request's arrival to the end of its response, in seconds.",
            ["method", "route"],
            buckets=DURATION_BUCKETS_SECONDS,
            registry=registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record one request; a method that HTTP does not know is recorded as ``OTHER``."""
        known = method if method in _METHODS else "OTHER"
        self._requests.labels(known, route, str(status)).inc()
        self._durations.labels(known, route).observe(seconds)


class ResourceUsageCollector(Collector):
    """CPU time and memory of this process where there is no ``/proc``, as on macOS."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics under the names that they have on Linux."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        yield CounterMetricFamily(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            value=usage.ru_utime + usage.ru_stime,
        )
        # The system tells only the peak. It is never below the present value, so a limit that
        # holds for it holds for that too.
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Largest resident memory size so far in bytes.",
            value=usage.ru_maxrss * maxrss_unit_bytes(sys.platform),
        )


def maxrss_unit_bytes(platform: str) -> int:
    """Return how many bytes one unit of ``ru_maxrss`` is on ``platform``."""
    return 1 if platform == "darwin" else 1024


def register_process_metrics(registry: CollectorRegistry, *, proc: str = "/proc") -> None:
    """Register CPU time and memory of this process with ``registry``.

    Args:
        registry: where to register.
        proc: where Linux tells about processes; without it the system's own accounts are used.
    """
    if (Path(proc) / "self" / "stat").exists():
        ProcessCollector(proc=proc, registry=registry)
    else:
        registry.register(ResourceUsageCollector())
