"""What is counted: requests, errors by code, places taken, seconds by stage, pixels."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One registry an app, so that two apps in a process do not share their counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self._requests = Counter(
            "u2bg_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self._errors = Counter(
            "u2bg_errors", "Refusals and failures by their code.", ["code"], registry=registry
        )
        self._seconds = Histogram(
            "u2bg_request_seconds", "From request to answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self._stages = Histogram(
            "u2bg_stage_seconds",
            "Time on a thread, by stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._pixels = Counter("u2bg_pixels", "Pixels of the pictures that were cut.", registry=registry)
        self.places = Gauge("u2bg_queue_depth", "Requests that are worked on or wait.", registry=registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def error(self, code: str) -> None:
        """A request ended in this code."""
        self._errors.labels(code).inc()

    def cut(self, pixels: int) -> None:
        """A picture of so many pixels was cut."""
        self._pixels.inc(pixels)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._stages.labels(name).observe(time.perf_counter() - start)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)
