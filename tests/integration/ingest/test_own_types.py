"""Device types of the operator's own, from their file to what is stored."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jiter
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.errors import InvalidRequest
from fhir_server.interactions import device_registry
from fhir_server.interactions.device_types import device_types
from fhir_server.interactions.ingest_gateway import gateway, pipeline
from fhir_server.interactions.profile_trial import Subject, tried
from tests.integration.ingest.conftest import SINCE, SigningDevice

BAND = """\
text: Wrist band
version: "2.1"
sequence: optional
unit_names: {F: "[degF]", C: Cel}
shape: {time: at, time_unit: ms, device: watch, patient: wearer, sequence: seq}
fields:
  pulse: {metric: heart-rate, unit: /min, path: "sensors[?kind=='hr'].value | [0]", site: left wrist}
  restful: {metric: heart-rate-resting, unit: /min, path: resting, statistic: mean}
  temperature: {metric: body-temperature, path: skin.value, unit_path: skin.unit}
  weight: {metric: body-weight, unit: kg, path: weight, modality: self-reported}
"""


@pytest.fixture
def types(tmp_path: Path):
    (tmp_path / "wrist-band.yaml").write_text(BAND)
    return device_types(tmp_path)


@pytest.fixture
async def band(clinic, types):
    made = await device_registry.register(
        clinic.database,
        clinic.master_key,
        name="w-1",
        profile="wrist-band",
        patient="p1",
        start=SINCE,
        profiles=types,
    )
    worker = await clinic.worker(gateway(clinic.database, clinic.master_key, clinic.settings, types))
    return SigningDevice(made.name, made.secret, worker, made.device)


def message(**members):
    now = int(datetime.now(UTC).timestamp() * 1000)
    return {"at": now, "watch": "w-1", "sensors": [{"kind": "hr", "value": 61}], "firmware": "7.1"} | members


@pytest.mark.parametrize(
    "path", ["/ingest/readings", "/api/devices/w-1/readings", "/api/devices/wrist-band/readings"]
)
async def test_a_makers_own_message_is_stored_unchanged_at_every_address(clinic, band, path):
    answer = await band.post(path, message(wearer="p1", weight=70.50))
    assert answer.status_code == 200, answer.text
    pulse, weight = [await clinic.resource(each) for each in answer.json()["results"][0]["references"]]

    assert pulse["bodySite"] == {"text": "left wrist"}
    assert weight["performer"] == [{"reference": "Patient/p1"}]
    assert (await band.post(path, message(wearer="p2"))).json()["results"][0]["outcome"]["issue"][0][
        "expression"
    ] == ["wearer"]


async def test_what_a_trial_shows_is_what_the_server_stores(clinic, band, types):
    device = band.reference.removeprefix("Device/")
    key = clinic.master_key.derive("identity")
    taking = pipeline(clinic.database, clinic.master_key, types)
    known = await taking.devices.find("w-1", datetime.now(UTC))
    received = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
    number = st.decimals(40, 150, places=2)
    skin = st.sampled_from(
        [("36.60", "C"), ("98.4", "F"), ("310.15", "K"), ("36.6", "furlong"), ("98.4", "C")]
    )
    sent = st.fixed_dictionaries(
        {"at": st.integers(1772366000000, 1772366400000)},
        optional={
            "sensors": st.lists(
                st.fixed_dictionaries({"kind": st.sampled_from(["hr", "spo2"]), "value": number}), max_size=3
            ),
            "resting": number,
            "weight": number,
            "skin": skin.map(lambda pair: {"value": Decimal(pair[0]), "unit": pair[1]}),
            "seq": st.integers(0, 9) | st.text("abc", min_size=1),
            "wearer": st.sampled_from(["p1", "p1", "Patient/p1", "p2"]),
            "watch": st.sampled_from(["w-1", "w-1", "w-1", "w-2"]),
        },
    )
    samples: list[bytes] = []
    compared = 0

    @settings(
        max_examples=80,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(sent)
    def gather(tree):
        samples.append(json.dumps(tree, default=float).encode())

    gather()
    for sample in samples:
        trial = await tried(types.get("wrist-band"), sample, received, Subject(device, "w-1", "p1", key))
        tree = jiter.from_json(sample, float_mode="decimal")
        results = await taking.take(
            [tree], lambda _, sample=sample: sample, known, received, "reading", b"h" * 32
        )

        if results[0].status == "unchanged" or (
            results[0].issues and results[0].issues[0].code == "conflict"
        ):
            continue
        assert (results[0].status, results[0].issues) == (trial.results[0].status, trial.results[0].issues)
        stored = [await clinic.resource(each) for each in results[0].references]
        assert [_content(each) for each in stored] == [
            _content(json.loads(json.dumps(each, default=str))) for each in trial.resources
        ]
        compared += len(stored)
    assert compared > 10


def _content(resource):
    """Without what the store alone says, and numbers by their digits."""
    profile = resource.get("meta", {}).get("profile")
    return json.loads(
        json.dumps({**resource, "meta": profile}, default=str), parse_float=Decimal, parse_int=str
    )


async def test_a_type_whose_file_is_gone_is_answered_so_that_nothing_is_lost(clinic, band):
    without = await clinic.worker(gateway(clinic.database, clinic.master_key, clinic.settings))
    lost = SigningDevice(band.name, band.secret, without, band.reference)
    answer = await lost.readings(message())

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await band.readings(message())).status_code == 200


async def test_a_device_cannot_be_registered_as_an_own_type_that_is_not_there_nor_under_the_name_of_one(
    clinic, types
):
    with pytest.raises(InvalidRequest, match="There is no device type 'wrist-band'"):
        await device_registry.register(clinic.database, clinic.master_key, name="w-2", profile="wrist-band")
    with pytest.raises(InvalidRequest, match="'wrist-band' is a device type"):
        await device_registry.register(
            clinic.database, clinic.master_key, name="wrist-band", profile="scale", profiles=types
        )
