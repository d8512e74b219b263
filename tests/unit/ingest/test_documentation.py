"""What docs/ingest.md shows is what this server takes."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "ingest.md"


async def test_the_signature_in_the_documentation_is_taken(bench):
    snippet = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(snippet[1], names)
    for form, path in (("ingest", "/ingest/readings"), ("api", "/api/device/vitals")):
        request = bench.signed(b'{"spo2": 97}', form=form)
        stamp = request.timestamp[0]
        secret = bench.device.secrets[0].key.decode()
        assert names["signature"](secret, path, stamp, "pi-001", b'{"spo2": 97}') == request.signature[0]


def test_every_metric_is_documented():
    from prometheus_client import Counter, Histogram

    from ingest import metrics

    page = PAGE.read_text(encoding="utf-8")
    kept = [each for each in vars(metrics).values() if isinstance(each, Counter | Histogram)]
    assert [each._name for each in kept if each._name not in page] == []
