"""Tables as a device type declares them: which row becomes which reading, and what breaks the file."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoders.table import readings
from ingest.errors import UnreadableFile
from ingest.ports import Device
from mappers.declaration import parse
from mappers.mapped import Mapped, MappingContext
from mappers.observation import map_reading
from mappers.profile import read_profile
from mappers.reading import Absent, Reading

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZONE = timezone(timedelta(hours=1))
TYPE = """
version: "1"
text: Wrist oximeter with an export
source: recording
sequence: optional
fields:
  spo2: {metric: oxygen-saturation, unit: "%"}
  pulse: {metric: pulse-rate-oximeter, unit: /min}
  temperature: {metric: body-temperature, unit: Cel}
tables:
  export:
    delimiter: ";"
    decimals: comma
    skip: 1
    missing: {"--": unknown, "-1": error}
    time: {columns: [Date, Time], format: "%d.%m.%Y %H:%M:%S"}
    patient: Patient
    sequence: No
    ignored: [Remark]
    columns:
      SpO2(%): {field: spo2}
      Pulse: {field: pulse, unit: /min}
      Temp F: {field: temperature, unit: "[degF]", missing: {"0": not-performed}}
"""
HEAD = "Export of a wrist oximeter\nNo;Date;Time;SpO2(%);Pulse;Temp F;Patient;Remark\n"
OTHER = """
version: "1"
text: Logger
fields:
  spo2: {metric: oxygen-saturation, unit: "%"}
  pulse: {metric: pulse-rate-oximeter, unit: /min}
tables:
  plain:
    header: false
    together: true
    empty: not-sent
    time: {columns: ["1"], format: seconds}
    columns: {"2": {field: spo2}, "3": {field: pulse}}
"""


def type_of(text=TYPE):
    return read_profile("own", parse(text, "own.yaml"))


def rows(content, tmp_path, text=TYPE):
    type = type_of(text)
    path = tmp_path / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    device = Device(1, "d1", "wrist-1", "own", False, (), (), NOW, type)
    (table,) = type.tables.values()
    return list(readings(path, table, device, NOW, ZONE))


def test_a_row_is_a_reading_with_its_time_values_patient_and_number(tmp_path):
    (row,) = rows(HEAD + "7;01.02.2026;08:30:00;97;61,5;98,6;p1;at rest\n", tmp_path)

    assert row.where == "row 3"
    assert isinstance(row.found, Reading)
    assert row.found.time.text == "2026-02-01T08:30:00+01:00"
    assert row.found.fields == {"spo2": 97, "pulse": Decimal("61.5"), "temperature": Decimal("98.6")}
    assert row.found.units == {"pulse": "/min", "temperature": "[degF]"}
    assert (row.found.patient, row.found.sequence) == ("p1", "7")


def test_a_row_maps_to_the_observations_of_its_type(tmp_path):
    (row,) = rows(HEAD + "7;01.02.2026;08:30:00;97;--;98,6;p1;\n", tmp_path)
    mapped = map_reading(row.found, MappingContext("p1", "d1", type_of(), b"k" * 32))

    assert isinstance(mapped, Mapped)
    assert [each.get("valueQuantity", {}).get("value") for each in mapped.resources] == [
        97,
        None,
        Decimal("37.0"),
    ]
    assert mapped.resources[1]["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_signs_of_a_missing_value_are_told_from_cells_that_were_not_filled(tmp_path):
    (row,) = rows(HEAD + "7;01.02.2026;08:30:00;-1;;0;p1;\n", tmp_path)

    assert row.found.fields == {
        "spo2": Absent("error"),
        "pulse": None,
        "temperature": Absent("not-performed"),
    }


def test_a_bad_row_names_its_column_and_spoils_no_other(tmp_path):
    good = "7;01.02.2026;08:30:00;97;61;98,6;p1;\n"
    found = rows(
        HEAD + good + "8;31.02.2026;08:30:00;97;61;98,6;p1;\n" + "9;x\n" + ";;;;;;;\n" + good, tmp_path
    )

    assert [each.where for each in found] == ["row 3", "row 4", "row 5", "row 7"]
    assert [(each.code, each.element) for row in found[1:3] for each in row.found] == [
        ("value", "Date, Time"),
        ("structure", "row 5"),
    ]
    assert isinstance(found[3].found, Reading)


def test_what_is_no_number_is_refused_by_its_field_under_the_name_of_its_column(tmp_path):
    (row,) = rows(HEAD + "7;01.02.2026;08:30:00;ninety;61;98,6;p1;\n", tmp_path)
    mapped = map_reading(row.found, MappingContext("p1", "d1", type_of(), b"k" * 32))

    assert [(issue.code, row.found.paths[issue.element]) for issue in mapped.issues] == [("value", "SpO2(%)")]


def test_rows_of_one_time_are_one_reading_until_a_field_stands_twice(tmp_path):
    found = rows("100,97,\n100,,61\n101,96,\n101,95,\n", tmp_path, OTHER)

    assert [each.where for each in found] == ["rows 1 to 2", "row 3", "row 4"]
    assert [dict(each.found.fields) for each in found] == [
        {"spo2": 97, "pulse": 61},
        {"spo2": 96, "pulse": None},
        {"spo2": 95, "pulse": None},
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "row 2 is no header"),
        ("x\nNo;Date\n", "row 2: the table has no column 'Patient'"),
        (HEAD.replace("Remark", "Mood"), "row 2: the column 'Mood' is not declared"),
        (HEAD.replace("Remark", "Pulse"), "row 2: two columns are called 'Pulse'"),
        ("x\n\ufeffNo;Date\n", "row 2 begins with a byte order mark"),
        (HEAD + '7;"01.02.2026', "row 3 is broken"),
        (HEAD + '7;"01"02.2026;', "row 3 is broken"),
        (HEAD.encode() + b"7;\xff", "line 3, byte 3, is not utf-8"),
        (HEAD.encode() + b"7" * 1_000_001, "line 3 is longer than"),
    ],
)
def test_a_broken_table_says_the_row_where_it_broke(content, text, tmp_path):
    with pytest.raises(UnreadableFile) as caught:
        rows(content, tmp_path)

    assert str(caught.value).startswith(text)


def test_the_rows_before_the_broken_one_are_given(tmp_path):
    type = type_of(OTHER)
    path = tmp_path / "file.csv"
    path.write_bytes(b'100,97,61\n101,"9')
    device = Device(1, "d1", "wrist-1", "own", False, (), (), NOW, type)
    found = readings(path, replace(type.tables["plain"], together=False), device, NOW, ZONE)

    assert next(found).found.fields["spo2"] == 97
    with pytest.raises(UnreadableFile, match="row 2"):
        next(found)


@pytest.mark.parametrize(
    ("line", "instead", "text"),
    [
        ('    delimiter: ";"', "    delimiter: ;;", "line 12: `delimiter: ;;` is no single sign"),
        ('    delimiter: ";"', '    delimiter: ","', "line 13: a comma cannot be both"),
        ("    skip: 1", "    skip: x", "line 14: `skip: x`"),
        ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y", "line 16: `format: %d.%m.%Y` does not say day and time"),
        ("%d.%m.%Y %H:%M:%S", "day", "line 16: `format: day` is neither"),
        ('"--": unknown', '"--": gone', "line 15: `--: gone` is no reason"),
        ("{field: spo2}", "{field: o2}", "line 21: `field: o2` is no field"),
        ("unit: /min}\n      Temp", "unit: mg}\n      Temp", "line 22: `unit: mg` is none"),
        ("{field: spo2}", "{field: pulse}", "line 22: `field: pulse` has another column"),
        ("[Remark]", "[Pulse]", "line 19: `ignored: Pulse` is a column that is read"),
        ("    ignored: [Remark]", "    header: false", "line 19: `Date`: without a header"),
        ("    ignored: [Remark]", "    colour: red", "line 19: `colour` is unknown"),
    ],
)
def test_a_mistake_in_the_declaration_is_told_with_its_line(line, instead, text):
    assert line in TYPE
    with pytest.raises(Exception, match=r"own\.yaml") as caught:
        type_of(TYPE.replace(line, instead, 1))

    assert text in str(caught.value)


def test_the_type_that_the_documentation_shows_reads_its_table(tmp_path):
    page = (Path(__file__).parents[4] / "docs" / "devices.md").read_text(encoding="utf-8")
    text = page.partition("## Tables")[2].partition("```yaml\n")[2].partition("```")[0]
    header = "Export\nNo;Date;Time;UTC;SpO2(%);Pulse;Temp F;Patient;Remark\n"
    (row,) = rows(header + "1;01.02.2026;08:30:00;+02:00;97,5;0;98,6;p1;\n", tmp_path, text)

    assert row.found.time.text == "2026-02-01T08:30:00+02:00"
    assert row.found.fields["pulse"] == Absent("error")


@settings(max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=80)
    | st.lists(
        st.lists(
            st.sampled_from(["7", "01.02.2026", "08:30:00", "97", "", "-1", '"', "9;9", "x\ny"]), max_size=9
        ),
        max_size=4,
    ).map(lambda found: "\n".join(";".join(each) for each in found).encode())
)
def test_every_table_becomes_readings_or_issues_or_says_where_it_broke(body):
    found = told(body)
    if isinstance(found, str):
        assert "row " in found or "line " in found
    else:
        assert all(isinstance(each.found, Reading) or each.found for each in found)


def told(body):
    with TemporaryDirectory() as folder:
        try:
            return rows(HEAD.encode() + body, Path(folder))
        except UnreadableFile as error:
            return str(error)
