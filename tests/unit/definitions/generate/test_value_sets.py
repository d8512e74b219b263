import json
from pathlib import Path

from fhir_server.definitions.generate.package import Package
from fhir_server.definitions.generate.value_sets import required

COLOURS = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/colours",
    "content": "complete",
    "concept": [{"code": "red", "concept": [{"code": "crimson"}]}, {"code": "blue"}],
}


def package(folder: Path, *resources: dict) -> Package:
    (folder / "package.json").write_text('{"version": "4.0.1"}')
    for number, resource in enumerate(resources):
        (folder / f"{resource['resourceType']}-{number}.json").write_text(json.dumps(resource))
    return Package(folder)


def value_set(url: str, **compose: object) -> dict:
    return {"resourceType": "ValueSet", "url": url, "compose": compose}


def test_a_whole_code_system_is_listed_with_its_nested_codes(tmp_path: Path):
    all_of_it = value_set("vs", include=[{"system": COLOURS["url"]}])

    assert required(package(tmp_path, COLOURS, all_of_it), ["vs"]) == {
        "vs": {COLOURS["url"]: ["blue", "crimson", "red"]}
    }


def test_a_filter_keeps_a_concept_and_those_below(tmp_path: Path):
    reds = {"system": COLOURS["url"], "filter": [{"property": "concept", "op": "is-a", "value": "red"}]}

    made = required(package(tmp_path, COLOURS, value_set("vs", include=[reds])), ["vs"])

    assert made == {"vs": {COLOURS["url"]: ["crimson", "red"]}}


def test_an_exclusion_takes_codes_out(tmp_path: Path):
    listed = {"system": COLOURS["url"], "concept": [{"code": "blue"}]}
    some = value_set("vs", include=[{"system": COLOURS["url"]}], exclude=[listed])

    assert required(package(tmp_path, COLOURS, some), ["vs"]) == {"vs": {COLOURS["url"]: ["crimson", "red"]}}


def test_a_code_system_outside_the_package_cannot_be_listed(tmp_path: Path):
    outside = value_set("vs", include=[{"system": "http://example.org/elsewhere"}])

    assert required(package(tmp_path, outside), ["vs"]) == {"vs": None}
