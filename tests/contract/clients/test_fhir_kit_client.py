"""The npm package `fhir-kit-client`, as it comes from its makers."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.contract.clients.content import patient, transaction

pytestmark = pytest.mark.xdist_group("clients")

HERE = Path(__file__).parent


@pytest.fixture
def said(server):
    """What the client printed after a step."""
    assert (HERE / "node_modules").is_dir(), "The client is not installed. Run `make clients`."

    def run(step, sent):
        command = ["node", "fhir_kit.mjs", server.fhir, server.token, step]
        done = subprocess.run(
            command, input=json.dumps(sent), capture_output=True, text=True, check=False, cwd=HERE, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_resource_is_created_read_changed_and_deleted(said):
    assert said("crud", patient("Kit-Crud")) == {"changed": "2", "first": True, "versions": 2, "gone": 410}


def test_a_transaction_is_stored_whole(said):
    assert said("transaction", transaction("Kit-Transaction", 3)) == ["201"] * 4


def test_a_batch_is_answered_entry_by_entry(said):
    batch = transaction("Kit-Batch", 0) | {"type": "batch"}
    batch["entry"].append({"request": {"method": "GET", "url": "Patient/never-was"}})
    assert said("batch", batch) == ["201", "404"]


def test_a_search_finds_newest_first_by_address_and_by_form(said):
    assert said("search", transaction("Kit-Search", 3)) == [[62, 61, 60]] * 2


def test_a_compartment_is_searched(said):
    assert said("compartment", transaction("Kit-Compartment", 3)) == 3


def test_pages_are_followed_to_the_last(said):
    assert said("paging", transaction("Kit-Pages", 5)) == [2, 2, 1]


def test_what_a_match_refers_to_and_what_refers_to_it_come_along(said):
    forward = [["Observation", "match"], ["Observation", "match"], ["Patient", "include"]]
    backward = [["Patient", "match"], ["Observation", "include"], ["Observation", "include"]]
    assert said("include", transaction("Kit-Include", 2)) == [forward, backward]


def test_a_patch_changes_what_it_names(said):
    assert said("patch", transaction("Kit-Patch", 0)) == {"active": False, "born": None, "version": "2"}


def test_an_operation_answers(said):
    assert said("operation", transaction("Kit-Operation", 4)) == [63, 62]


def test_a_reference_is_resolved(said):
    assert said("resolve", transaction("Kit-Resolve", 1)) is True
