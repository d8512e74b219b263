"""What `/metrics` counts, without ids or values in any label.

https://prometheus.github.io/client_python/multiprocess/
"""

import os
from functools import cache
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

REQUESTS: Final = Counter(
    "fhir_http_requests", "Requests answered, by interaction and status.", ("interaction", "status")
)
DURATION: Final = Histogram(
    "fhir_http_request_seconds",
    "Time from the request line to the answer's last byte, by interaction.",
    ("interaction",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
ACTIVE: Final = Gauge("fhir_http_requests_active", "Requests being served now.", multiprocess_mode="livesum")

STREAMS: Final = Gauge(
    "fhir_streams_open", "Streams open now, by kind.", ("kind",), multiprocess_mode="livesum"
)
STREAMS_ENDED: Final = Counter("fhir_streams_ended", "Streams ended, by kind and reason.", ("kind", "reason"))


def count(interaction: str, status: int, seconds: float) -> None:
    """Nothing; one request more is counted."""
    _requests(interaction, status).inc()
    _duration(interaction).observe(seconds)


def exposition() -> bytes:
    """All metrics in Prometheus' text format: of every worker when they share a folder, else of this process."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client has no types here
    return generate_latest(registry)


@cache
def _requests(interaction: str, status: int) -> Counter:
    return REQUESTS.labels(interaction, str(status))


@cache
def _duration(interaction: str) -> Histogram:
    return DURATION.labels(interaction)
