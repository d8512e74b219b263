"""Which subscriptions a change is an event of: those that a search would find it by, and few are looked at."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.json import parse
from fhir_server.search.index import index
from fhir_server.subscriptions.failures import Failures
from fhir_server.subscriptions.happened import Happened
from fhir_server.subscriptions.match import Watches
from fhir_server.subscriptions.model import Criterion
from tests.integration.search import oracle
from tests.integration.search.drawing import some
from tests.integration.search.test_against_an_oracle import observations, others, patients, queries

WRITTEN = frozenset({"create", "update"})
NEEDS_A_TERMINOLOGY_SERVICE = ("in", "not-in", "above", "below")


def happened(resource, change="create", **more):
    body = orjson.dumps(resource)
    tree = parse(body)
    type = tree["resourceType"]
    row = index(type, tree, base_url=oracle.OWN)
    return Happened(change, datetime(2026, 1, 1, tzinfo=UTC), tree, row, body, type, tree["id"], **more)


def watching(*criteria):
    watches = Watches(oracle.OWN)
    for number, one in enumerate(criteria):
        watches.put(number, [one])
    return watches


def criterion(type, query="", changes=WRITTEN, trigger="change"):
    return Criterion(type, query, changes, trigger)


def decidable(pairs):
    """Whether a Subscription may ask it: of a resource by itself, whenever it is looked at."""
    return not any(
        name.rpartition(":")[2] in NEEDS_A_TERMINOLOGY_SERVICE or value.startswith("ap") or ",ap" in value
        for name, value in pairs
    )


@pytest.mark.item("sub-Q1")
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(random=st.randoms(use_true_random=True))
def test_a_change_is_told_to_those_whose_search_would_find_it(random):
    """The judge is the one that the searches in SQL are held to."""
    asked = [(type, pairs) for type, pairs in queries(random) if decidable(pairs)]
    watches = watching(*(criterion(type, urlencode(pairs)) for type, pairs in asked))
    drawn = [one for kind in (observations, patients, *others) for one in some(kind, 8, 5).draw(random)]
    for number, resource in enumerate(drawn):
        named = {**resource, "id": f"r{number}"}
        wanted = {
            key
            for key, (type, pairs) in enumerate(asked)
            if type == named["resourceType"] and all(oracle.found(type, pair, named) for pair in pairs)
        }
        matched = watches.matched(happened(named), Failures())
        assert set(matched) == wanted, [asked[key] for key in set(matched) ^ wanted]
        assert len(matched) == len(wanted)


class Counted(dict):
    """A resource that counts how often it is looked at."""

    looks = 0

    def get(self, *asked):
        self.looks += 1
        return super().get(*asked)


def test_what_many_ask_in_the_same_words_is_decided_once():
    observation = {"resourceType": "Observation", "id": "o", "status": "final", "valueInteger": 7}
    looks = []
    for many in (1, 50):
        watches = watching(*[criterion("Observation", "status:not=amended")] * many)
        change = happened(observation)
        counted = Counted(change.tree)
        assert len(watches.matched(replace(change, tree=counted), Failures())) == many
        looks.append(counted.looks)
    assert looks[0] == looks[1] > 0


QUERIES = [
    "patient=Patient/p{0}",
    "subject=Patient/p{0}&code=http://loinc.org|8867-4",
    "code=http://loinc.org|c{0}",
    "combo-code=c{0}",
    "device=Device/d{0}&value-quantity=gt1",
    "identifier=http://a|{0}",
    "_id=o{0}",
    "category=c{0},d{0}",
]


def test_of_ten_thousand_subscriptions_a_change_is_held_against_few():
    watches = watching(*(criterion("Observation", QUERIES[n % 8].format(n)) for n in range(10_000)))
    about = {
        "resourceType": "Observation",
        "id": "o",
        "code": {"coding": [{"system": "http://loinc.org", "code": "c2002"}]},
        "subject": {"reference": "Patient/p1000"},
    }
    change = happened(about)
    assert {one.subscription for one in watches.candidates(change)} == {1000, 2002}
    assert watches.matched(change, Failures()) == [1000, 2002]
    assert watches.matched(happened(about | {"subject": {"reference": "Patient/p3"}}), Failures()) == [2002]


def test_a_subscription_that_asks_for_something_else_is_told_of_what_it_asked_for_no_more():
    watches = watching(criterion("Patient", "_id=a"), criterion("Patient"))
    watches.put(0, [criterion("Encounter")])
    watches.remove(1)
    assert watches.types == {"Encounter"}
    assert watches.matched(happened({"resourceType": "Patient", "id": "a"}), Failures()) == []


def test_a_subscription_is_told_once_of_a_change_that_meets_several_of_its_criteria():
    watches = Watches(oracle.OWN)
    watches.put(7, [criterion("Patient"), criterion("Patient", "_id=a")])
    assert watches.matched(happened({"resourceType": "Patient", "id": "a"}), Failures()) == [7]


@pytest.mark.parametrize(
    ("trigger", "status", "before", "told"),
    [
        ("admitted", "in-progress", None, True),
        ("admitted", "in-progress", "arrived", True),
        ("admitted", "in-progress", "in-progress", False),
        ("admitted", "finished", "in-progress", False),
        ("discharged", "finished", "in-progress", True),
        ("discharged", "finished", "finished", False),
    ],
)
def test_an_encounter_is_told_of_when_it_reaches_the_status(trigger, status, before, told):
    watches = watching(criterion("Encounter", trigger=trigger))
    encounter = {"resourceType": "Encounter", "id": "e", "status": status}
    assert bool(watches.matched(happened(encounter, "update", status_before=before), Failures())) is told


def test_silence_is_told_to_those_who_asked_for_it_and_to_no_others():
    watches = watching(
        criterion("Device", changes=frozenset({"silent"}), trigger="silent"), criterion("Device")
    )
    device = {"resourceType": "Device", "id": "d"}
    assert watches.matched(happened(device, "silent"), Failures()) == [0]
    assert watches.matched(happened(device, "update"), Failures()) == [1]
