import subprocess
import sys
from collections import Counter

from mappers.metrics import check_registry, metric, metrics, panel_of
from terminology.loinc import is_well_formed
from terminology.ucum import conversion, is_ucum

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


def test_checking_at_start_loads_no_unit_library():
    program = (
        "import sys; from mappers.metrics import check_registry; from mappers.profile import check_profiles;"
        "check_registry(); check_profiles(); sys.exit('pint' in sys.modules or 'ucumvert' in sys.modules)"
    )

    check_registry()
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
