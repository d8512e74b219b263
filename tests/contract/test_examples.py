"""Every example of R4 goes in and comes back, to the last decimal."""

import importlib.util
import json
from decimal import Decimal
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location(
    "r4_examples", Path(__file__).parents[1] / "data" / "r4_examples.py"
)
r4_examples = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(r4_examples)


NOT_AS_SENT = {
    "AuditEvent",
    "Subscription",
}  # the server makes those itself; these it runs, and theirs ended long ago


def exact(text):
    """The resource in `text`, its decimals as value and number of decimal places, without what the server stamps."""
    tree = json.loads(text, parse_float=_digits, parse_int=_digits)
    meta = tree.get("meta", {})
    meta.pop("versionId", None)
    meta.pop("lastUpdated", None)
    return {name: value for name, value in tree.items() if name != "meta"} | ({"meta": meta} if meta else {})


def _digits(number):
    value = Decimal(number)
    return value, max(0, -value.as_tuple().exponent)


async def test_every_official_example_comes_back_as_it_was_sent(client):
    headers = {"Content-Type": "application/fhir+json"}
    different, sent = [], 0
    for line in r4_examples.lines():
        example = json.loads(line)
        url = f"/fhir/{example['resourceType']}/{example['id']}"
        if url.endswith(r4_examples.INVALID) or example["resourceType"] in NOT_AS_SENT:
            continue
        put = await client.put(url, content=line, headers=headers)
        got = await client.get(
            url, headers={"Accept": "application/fhir+json"}
        )  # a Binary is its content else
        sent += 1
        if put.status_code not in (200, 201) or not exact(line) == exact(put.content) == exact(got.content):
            different.append((url, put.status_code, put.text[:300]))
    assert different == []
    assert sent >= 713


async def test_decimals_keep_their_digits(client):
    numbers = [
        "1.00",
        "0.10",
        "1e-7",
        "0.0000001",
        "100",
        "1.0e2",
        "-0.0",
        "123456789.123456789012345678901234567890",
    ]
    for number in numbers:
        body = (
            '{"resourceType":"Observation","id":"d","status":"final","code":{"text":"x"},'
            f'"valueQuantity":{{"value":{number}}}}}'
        )
        await client.put(
            "/fhir/Observation/d", content=body, headers={"Content-Type": "application/fhir+json"}
        )
        got = await client.get("/fhir/Observation/d")
        assert exact(got.content)["valueQuantity"] == exact(body)["valueQuantity"], number
