"""Whatever a device signs is answered; nothing it sends is an error of ours."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.gateway import READINGS, VITALS

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NUMBERS = st.sampled_from(
    [0, 1, 1772366400, 10**11, 10**12, -1, 1e308, "2026-03-01T12:00:00Z", "9999-12-31T23:59:60-14:00"]
)
FIELDS = st.dictionaries(
    st.sampled_from(["spo2", "pulse", "pi", "x", "timestamp", "patient", ""]), TREES | NUMBERS
)
READING = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": NUMBERS | TREES,
        "data": FIELDS | TREES,
        "patient": st.sampled_from(["p1", "Patient/p1", "p2"]) | TREES,
        "device": st.just("pi-001") | TREES,
        "sequence": TREES,
        "id": TREES,
        "corrects": TREES,
        "quality": st.just("good") | TREES,
        "more": TREES,
    },
)
BODIES = (
    st.binary(max_size=60)
    | TREES.map(lambda tree: json.dumps(tree).encode())
    | READING.map(lambda tree: json.dumps(tree).encode())
    | st.lists(READING, max_size=3).map(lambda tree: json.dumps(tree).encode())
    | FIELDS.map(lambda tree: json.dumps(tree).encode())
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, kind=st.sampled_from(["json", "ndjson"]), vitals=st.booleans())
async def test_every_signed_body_gets_an_answer_and_every_rejection_a_letter(bench, body, kind, vitals):
    endpoint, form = (VITALS, "api") if vitals else (READINGS, "ingest")
    bench.letters.kept.clear()
    bench.admissions.answers.clear()
    answer = await bench.gateway().answer(bench.signed(body, form=form), endpoint, kind)
    assert answer.status in {200, 207, 400, 422}
    said = json.loads(answer.body)
    results = [said] if "status" in said else said.get("results", [])
    rejected = sum(each["status"] == "rejected" for each in results) + (answer.status == 400)
    assert len(bench.letters.kept) == rejected
