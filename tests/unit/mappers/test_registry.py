import re

import pytest

from mappers.declaration import parse
from mappers.errors import InvalidDeclaration
from mappers.registry import registry

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
        ("  loinc: [{code: 8867-4, display: Heart rate}]\n", "", "fixes the LOINC code 8867-4"),
        (
            "  loinc: [{code: 8867-4, display: Heart rate}]\n  mdc: {code: 147842, refid: MDC_ECG_HEART_RATE}\n",
            "",
            "give `loinc`, `snomed` or `mdc`",
        ),
        ("confidence: A", "kind: wish\n  confidence: A", "`kind: wish` is unknown"),
        (
            "  confidence: A\n",
            "  confidence: A\n" + PANEL.replace("components: [pulse]\n  requires: []", "members: [breath]"),
            "`members: breath` is not in the registry",
        ),
    ],
)
def test_a_mistake_in_the_registry_is_refused_with_its_place(was, becomes, complaint):
    assert was in HEART_RATE
    with pytest.raises(InvalidDeclaration) as caught:
        registry(parse(HEART_RATE.replace(was, becomes, 1), "test.yaml"))

    assert re.match(r"test\.yaml, line \d+: ", str(caught.value))
    assert any(each in str(caught.value) for each in complaint.split("|"))
