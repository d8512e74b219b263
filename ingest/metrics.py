"""What ingest counts; no ids and no values are in any label.

https://prometheus.io/docs/practices/naming/
"""

from typing import Final

from prometheus_client import Counter, Histogram

READINGS: Final = Counter(
    "ingest_readings", "Readings by what became of them.", ("transport", "profile", "status")
)
REJECTIONS: Final = Counter(
    "ingest_rejections", "Reasons of rejected readings by issue code.", ("profile", "code")
)
REFUSED_SIGNATURES: Final = Counter(
    "ingest_authentication_failures", "Requests refused with 401 by reason.", ("reason",)
)
REPLAYS: Final = Counter("ingest_replays", "Copies of a signed request, answered as the first was.")
RATE_LIMITED: Final = Counter("ingest_rate_limited", "Requests refused with 429.")
FILES: Final = Counter("ingest_files", "Files by what became of them.", ("format", "outcome"))
LAG: Final = Histogram(
    "ingest_lag_seconds",
    "Seconds from measurement to arrival of the newest reading of a request.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400),
)
