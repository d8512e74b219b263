import re
import subprocess
import sys
from collections import Counter

import pytest

from mappers.declaration import parse
from mappers.errors import InvalidDeclaration
from mappers.metrics import check_registry, metric, metrics, panel_of, registry
from terminology.loinc import is_well_formed
from terminology.ucum import conversion, is_ucum

HEART_RATE = """\
heart-rate:
  text: Heart rate
  loinc: [{code: 8867-4, display: Heart rate}]
  mdc: {code: 147842, refid: MDC_ECG_HEART_RATE}
  profile: http://hl7.org/fhir/StructureDefinition/heartrate
  category: [vital-signs]
  unit: /min
  human: beats/minute
  accepts: [Hz]
  accept: {low: 20, high: 300}
  suspects: [{low: 0, high: 0, means: the sensor is off}]
  confidence: A
"""

PANEL = """\
panel:
  text: Panel
  loinc: [{code: 85353-1}]
  components: [pulse]
  requires: []
  confidence: A
"""

KNOWN = {
    "heart-rate": ["8867-4"],
    "heart-rate-ecg": ["8867-4", "147842"],
    "pulse-rate-oximeter": ["8867-4", "149530"],
    "pulse-rate-cuff": ["8867-4", "149546"],
    "respiratory-rate": ["9279-1", "151562"],
    "oxygen-saturation": ["2708-6", "59408-5", "150456"],
    "perfusion-index": ["61006-3", "150448"],
    "body-temperature": ["8310-5", "150364"],
    "die-temperature": ["die-temperature"],
    "blood-pressure": ["85354-9", "150020"],
    "systolic-pressure": ["8480-6", "150021"],
    "diastolic-pressure": ["8462-4", "150022"],
    "mean-pressure": ["8478-0", "150023"],
    "body-weight": ["29463-7", "188736"],
    "body-height": ["8302-2", "188740"],
    "pr-interval": ["8625-6", "146944"],
    "qrs-duration": ["8633-0", "147228"],
    "qt-interval": ["8634-8", "147232"],
    "qtc-interval": ["8636-3", "147236"],
    "qtc-interval-bazett": ["76635-2", "146952"],
    "qtc-interval-fridericia": ["76634-5", "146964"],
    "rr-interval": ["8637-1", "147240"],
    "ecg-report": ["11524-6"],
}
"""Typed a second time, apart from the registry: a slip in either is found."""


def test_every_metric_has_the_codes_it_must_have():
    assert {key: [each.code for each in row.codings] for key, row in metrics().items()} == KNOWN


def test_every_unit_is_ucum_and_convertible():
    scales = [row.scale for row in metrics().values() if row.scale]

    for scale in scales:
        assert all(is_ucum(unit) for unit in scale.accepts)
        assert all(conversion(unit, scale.unit).target == scale.unit for unit in scale.accepts)


def test_every_loinc_code_has_its_check_digit():
    codes = [each.code for row in metrics().values() for each in row.codings if "loinc" in each.system]

    assert len(codes) > 20
    assert all(is_well_formed(code) for code in codes)


def test_the_sensor_chip_is_never_body_temperature():
    row = metric("die-temperature")

    assert row.confidence == "L"
    assert "8310-5" not in [each.code for each in row.codings]
    assert row.categories == ("technical",)


def test_a_code_whose_long_name_was_not_read_is_marked_and_has_no_display():
    row = metric("perfusion-index")

    assert row.confidence == "C"
    assert row.codings[0].display is None


def test_components_know_their_panel():
    assert panel_of("systolic-pressure") == metric("blood-pressure")
    assert panel_of("heart-rate") is None


def test_no_mdc_code_stands_for_two_metrics():
    codes = Counter(
        each.code for row in metrics().values() for each in row.codings if each.system.startswith("urn:iso")
    )

    assert [code for code, count in codes.items() if count > 1] == []


def test_a_sound_row_is_read():
    row = registry(parse(HEART_RATE, "test.yaml"))["heart-rate"]

    assert (row.scale.unit, row.scale.low, row.scale.high) == ("/min", 20, 300)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ("8867-4", "8867-5", "line 2: `8867-5` is no LOINC code"),
        ("147842", "1478420000", "`1478420000` is no MDC code"),
        ("147842", "ECG", "`ECG` is no MDC code"),
        ("confidence: A", "confidence: X", "`confidence: X` is unknown"),
        ("  confidence: A\n", "", "line 2: `confidence` is missing"),
        ("confidence: A", "confidence: L", "L stands for `local`"),
        ("low: 20", "low: 300", "line 10: `low: 300` is not below"),
        ("low: 20", "low: twenty", "line 10: `low: twenty` is not a number"),
        ("low: 20", "low: .inf", "`low: .inf` is not a number"),
        ("low: 20", "low: Infinity", "`low: Infinity` is not finite"),
        ("  accept: {low: 20, high: 300}\n", "", "`accept` is missing"),
        ("low: 0, high: 0", "low: 1, high: 0", "line 11: `low: 1` is above"),
        ("unit: /min", "unit: bpm", "'bpm' is not a UCUM code"),
        ("[Hz]", '["mm[Hg]"]', "mm[Hg] cannot become /min"),
        ("unit: /min", "unit: Hz", "allows /min"),
        ("[vital-signs]", "[procedure]", "fixes `category: [vital-signs]`"),
        ("[vital-signs]", "[vitals]", "`category: vitals` is unknown"),
        ("StructureDefinition/heartrate", "StructureDefinition/pulse", "not one of the vital signs profiles"),
        ("StructureDefinition/heartrate", "StructureDefinition/resprate", "fixes the LOINC code 9279-1"),
        ("  profile: http://hl7.org/fhir/StructureDefinition/heartrate\n", "", "needs the `profile`"),
        ("human:", "humane:", "`human` is missing"),
        ("confidence: A", "confidence: A\n  colour: red", "line 13: `colour` is unknown here"),
        ("confidence: A", "confidence: A\n  text: Twice", "line 13: `text` stands twice"),
        ("text: Heart rate", "text: [Heart rate]", "line 2: `text` is not a plain value"),
        ("[vital-signs]", "vital-signs", "line 6: `category` is not a list"),
        ("{low: 20, high: 300}", "20", "this is not a mapping"),
        ("  text", "\ttext", "line 2: found character"),
        (
            "  confidence: A\n",
            "  confidence: A\n" + PANEL.replace("[]", "[breath]"),
            "`requires: breath` is not one of its components",
        ),
        ("low: 0, high: 0", "low: 0, high: 20", "line 11: a value cannot be suspect and within"),
        (
            "  confidence: A\n",
            "  confidence: A\n" + PANEL,
            "line 14: `components: pulse` is not in the registry",
        ),
        (
            "  confidence: A\n",
            "  confidence: A\n" + PANEL.replace("pulse", "heart-rate"),
            "stands on its own",
        ),
        (
            "loinc: [{code: 8867-4, display: Heart rate}]",
            "local: {code: hr}",
            "fixes the LOINC code|L stands",
        ),
        ("  loinc: [{code: 8867-4, display: Heart rate}]\n", "", "give either `loinc` or"),
    ],
)
def test_a_mistake_in_the_registry_is_refused_with_its_place(was, becomes, complaint):
    assert was in HEART_RATE
    with pytest.raises(InvalidDeclaration) as caught:
        registry(parse(HEART_RATE.replace(was, becomes, 1), "test.yaml"))

    assert re.match(r"test\.yaml, line \d+: ", str(caught.value))
    assert any(each in str(caught.value) for each in complaint.split("|"))


def test_checking_at_start_loads_no_unit_library():
    program = (
        "import sys; from mappers.metrics import check_registry; from mappers.profile import check_profiles;"
        "check_registry(); check_profiles(); sys.exit('pint' in sys.modules or 'ucumvert' in sys.modules)"
    )

    check_registry()
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
