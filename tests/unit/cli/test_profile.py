"""`fhir-server profile`, as it is typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fhir_server.cli.catalog import commands
from fhir_server.errors import OperatorError


def ran(*arguments):
    done = CliRunner().invoke(commands, ["profile", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def band(tmp_path):
    assert ran("new", "wrist-band", "--folder", tmp_path).exit_code == 0
    return tmp_path / "wrist-band.yaml"


def test_a_new_type_is_sound_as_it_is_started_and_is_not_written_over(band):
    checked = json.loads(ran("check", band, "--json").stdout)

    assert [each["metric"] for each in checked["fields"]] == ["heart-rate"]
    with pytest.raises(OperatorError, match=r"wrist-band\.yaml is there already"):
        ran("new", "wrist-band", "--folder", band.parent)


def test_a_unit_in_square_brackets_is_shown(band):
    band.write_text(
        band.read_text().replace("heart-rate", "body-temperature").replace("/min #", "'[degF]' #")
    )

    assert "[degF]" in ran("check", band).stdout


def test_everything_that_a_new_type_says_in_comments_is_sound_too(band):
    lines = band.read_text().splitlines()
    shape = [line.removeprefix("# ") for line in lines if line.startswith(("# shape:", "#   "))]
    field = [
        line.replace("    # ", "    ")
        for line in lines
        if line.startswith("    # ") and "by_unit" not in line
    ]
    start = lines.index("fields:")
    names = [
        line.removeprefix("# ") for line in lines if line.startswith(("# unit_names", "# mdc_device_type"))
    ]
    band.write_text("\n".join([*lines[:start], *shape, *names, *lines[start:], *field]))

    assert ran("check", band).exit_code == 0


def test_an_unsound_type_is_refused_with_file_and_line(band):
    band.write_text(band.read_text().replace("heart-rate", "pulse"))

    with pytest.raises(
        OperatorError, match=r"wrist-band\.yaml, line \d+: `metric: pulse` is not in the registry"
    ):
        ran("check", band)


@pytest.mark.parametrize("name", ["Wrist Band", "scale", "../band", ""])
def test_a_name_that_cannot_be_is_not_started(tmp_path, name):
    with pytest.raises(OperatorError, match=r"is no name|is a device type of this server"):
        ran("new", name, "--folder", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_sample_is_shown_as_what_it_becomes_and_what_is_wrong_with_it(band, tmp_path):
    sample = tmp_path / "sample.json"
    sample.write_text(
        '[{"timestamp": 1772366400.5, "data": {"pulse": 61.50}}, {"timestamp": 1772366400, "data": {"pulse": 0}}]'
    )
    done = ran("try", band, sample, "--json")
    shown = json.loads(done.stdout, parse_float=str)

    assert done.exit_code == 1
    assert [each["status"] for each in shown["results"]] == ["created", "rejected"]
    assert [each["valueQuantity"]["value"] for each in shown["resources"]] == ["61.50"]
    (provenance,), (device, metric) = shown["provenances"], shown["device"]
    observation = f"Observation/{shown['resources'][0]['id']}"
    assert provenance["target"] == [{"reference": observation}, {"reference": "Patient/example"}]
    assert (device["resourceType"], metric["resourceType"]) == ("Device", "DeviceMetric")
    assert metric["source"] == {"reference": f"Device/{device['id']}"}
    words = ran("try", band, sample)
    assert "reading 2: error: data.pulse" in words.stderr
    assert '"value": 61.50' in words.stdout


def test_a_trial_shows_what_the_device_says_of_itself(band, tmp_path):
    sample = tmp_path / "sample.json"
    status = {"battery": 80, "firmware": "1.2", "operation": "standby"}
    sample.write_text(json.dumps({"timestamp": 1772366400, "device_status": status}))
    shown = json.loads(ran("try", band, sample, "--json").stdout)
    device, metric, level = shown["device"]

    assert device["version"][0]["value"] == "1.2"
    assert (metric["operationalStatus"], level["valueQuantity"]["value"]) == ("standby", 80)
    references = [f"{each['resourceType']}/{each['id']}" for each in (device, metric, level)]
    assert shown["results"] == [{"status": "created", "references": references}]


EXPORT = """
tables:
  export:
    delimiter: ";"
    decimals: comma
    time: {columns: [Date, Time], format: "%d.%m.%Y %H:%M"}
    columns:
      Pulse: {field: pulse, missing: {"--": unknown}}
"""


def test_a_table_is_shown_as_what_its_rows_become(band, tmp_path):
    band.write_text(band.read_text() + EXPORT)
    sample = tmp_path / "export.csv"
    sample.write_text("Date;Time;Pulse\n01.03.2026;10:00;61,50\n01.03.2026;10:01;--\n01.03.2026;10:02;0\n")
    done = ran("try", band, sample, "--zone", "Europe/Berlin", "--json")
    shown = json.loads(done.stdout, parse_float=str)

    assert done.exit_code == 1
    assert [each["status"] for each in shown["results"]] == ["created", "created", "rejected"]
    first, absent = shown["resources"]
    assert (first["valueQuantity"]["value"], first["effectiveDateTime"]) == (
        "61.50",
        "2026-03-01T10:00:00+01:00",
    )
    assert absent["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert "row 4: error: Pulse" in ran("try", band, sample).stderr


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("Date;Time;Pulse\n1", ("--zone", "Berlin"), "zone 'Berlin' is no offset"),
        ("Date;Time;Pulse\n1", ("--mapping", "other"), "mapping 'other' is no table of wrist-band"),
        ("Date;Pulse\n1", (), "row 1: the table has no column 'Time', which is declared"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_and_why(band, tmp_path, text, options, said):
    band.write_text(band.read_text() + EXPORT)
    sample = tmp_path / "export.csv"
    sample.write_text(text)

    with pytest.raises(OperatorError, match=said):
        ran("try", band, sample, *options)


def test_the_own_types_are_listed_beside_the_others(band, monkeypatch):
    monkeypatch.setenv("FHIR_PROFILES_DIR", str(band.parent))
    rows = {each["type"]: each for each in json.loads(ran("list", "--json").stdout)}

    assert (rows["wrist-band"]["own"], rows["scale"]["own"]) == (True, False)


def test_a_template_is_printed_as_a_type_and_its_warnings_stay_out_of_it(tmp_path):
    codes = [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]
    value = {"valueName": "hr", "valueType": "Quantity", "unit": "/min"}
    template = {
        "templateType": "CodeValueFhir",
        "template": {"typeName": "hr", "codes": codes, "value": value},
    }
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(template))
    done = ran("import", file, "--key", "band")

    assert "warning: hr: it may also be heart-rate-ecg" in done.stderr
    made = tmp_path / "band.yaml"
    made.write_text(done.stdout)
    assert ran("check", made).exit_code == 0


def test_the_example_is_sound_and_becomes_two_observations_and_a_warning_of_its_age():
    types = Path(__file__).resolve().parents[3] / "examples" / "device-types"
    done = ran("try", types / "wrist-band.yaml", types / "wrist-band.json", "--device", "band-1", "--json")
    shown = json.loads(done.stdout)

    assert done.exit_code == 0
    assert [each["bodySite"]["text"] for each in shown["resources"] if "bodySite" in each] == ["left wrist"]
    assert [each["code"]["text"] for each in shown["resources"]] == ["Heart rate", "Body temperature"]
