import re
from pathlib import Path

from fhir_server.definitions.files import entries
from fhir_server.validation.rules import RULES

DOCUMENT = (Path(__file__).parents[3] / "docs" / "validation.md").read_text(encoding="utf-8")


def test_every_invariant_that_is_left_out_is_documented_and_no_other():
    elsewhere = {("Reference", "ref-1")}
    beyond = {
        (name.partition(".")[0], key)
        for name, entry in entries("structure").items()
        for key in entry.get("beyond", ())
    }
    coded = {(name.partition(".")[0], rule.key) for name, rules in RULES.items() for rule in rules}
    table = DOCUMENT.partition("Left out are:")[2].partition("Weaker than")[0]
    documented = {
        (type, key)
        for type, keys in re.findall(r"^\| (\w+) \| ([^|]+) \|", table, re.MULTILINE)
        for key in re.findall(r"[a-z]+-\w+", keys)
    }

    assert beyond - coded - elsewhere == documented


def test_every_rule_in_python_is_an_invariant_of_r4_that_has_no_condition_or_told_in_words():
    in_words = {("SampledData", "SampledData.data")}
    beyond = {(name, key) for name, entry in entries("structure").items() for key in entry.get("beyond", ())}

    assert {(name.partition(".")[0], rule.key) for name, rules in RULES.items() for rule in rules} <= {
        (name.partition(".")[0], key) for name, key in beyond
    } | in_words
