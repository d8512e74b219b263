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
    "holter-report": ["18754-2"],
    "heart-rate-resting": ["40443-4"],
    "heart-rate-beat-to-beat": ["76282-3", "8410590"],
    "body-mass-index": ["39156-5", "188752"],
    "glasgow-coma-score": ["9269-2"],
    "consciousness": ["67775-7"],
    "plethysmogram": ["76523-0", "150452"],
    "on-oxygen": ["371825009"],
    "national-early-warning-score": ["news2-total"],
    "quick-sofa-score": ["96791-9"],
    "sofa-score": ["96790-1"],
    "vital-signs-panel": ["85353-1"],
    "qrs-axis": ["8632-2", "147204"],
    "p-axis": ["8626-4"],
    "t-axis": ["8638-9"],
    "heart-rate-variability-sdnn": ["80404-7"],
    "heart-rate-variability-rmssd": ["heart-rate-variability-rmssd"],
    "ecg-waveform": ["131328"],
    "ecg-lead-i": ["131329"],
    "ecg-lead-ii": ["131330"],
    "ecg-lead-iii": ["131389"],
    "ecg-lead-avr": ["131390"],
    "ecg-lead-avl": ["131391"],
    "ecg-lead-avf": ["131392"],
    "ecg-lead-v1": ["131331"],
    "ecg-lead-v2": ["131332"],
    "ecg-lead-v3": ["131333"],
    "ecg-lead-v4": ["131334"],
    "ecg-lead-v5": ["131335"],
    "ecg-lead-v6": ["131336"],
    "pap-night": ["69999-1"],
    "pap-pressure-set": ["8410964"],
    "pap-pressure-maximum-set": ["8410968"],
    "pap-pressure-minimum-set": ["8410972"],
    "pap-pressure": ["pap-pressure"],
    "pap-pressure-p95": ["69986-8", "8410954"],
    "pap-pressure-mean": ["8410947"],
    "pap-pressure-median": ["8410951"],
    "pap-pressure-maximum": ["8410945"],
    "pap-pressure-minimum": ["8410946"],
    "ipap-set": ["8410976"],
    "epap-set": ["8410980"],
    "pressure-support-set": ["20079-0", "152720"],
    "backup-rate-set": ["backup-rate-set"],
    "ramp-start-pressure-set": ["ramp-start-pressure-set"],
    "therapy-mode-set": ["8410888"],
    "pap-leak": ["8411040"],
    "pap-leak-median": ["70001-3", "8411047"],
    "pap-leak-p95": ["69997-5", "8411050"],
    "pap-leak-maximum": ["69998-3", "8411041"],
    "apnea-hypopnea-index": ["69990-0", "8410792"],
    "obstructive-apnea-index": ["70002-1", "8410800"],
    "central-apnea-index": ["70003-9", "8410804"],
    "unclassified-apnea-index": ["8410796"],
    "sleep-study-apnea-index": ["90562-0"],
    "sleep-study-hypopnea-index": ["90561-2"],
    "sleep-study-arousal-index": ["90565-3"],
    "sleep-study-disturbance-index": ["90566-1"],
    "pap-usage": ["8410712"],
    "pap-usage-month-mean": ["69989-2"],
    "pap-blower-time": ["8410708"],
    "pap-respiratory-rate": ["33438-3", "8410992"],
    "pap-tidal-volume": ["76222-9", "8411072"],
    "tidal-volume-set": ["20112-9", "16929196"],
    "pap-minute-ventilation": ["8411056"],
    "oxygen-flow": ["3151-8"],
    "oxygen-flow-set": ["19942-2"],
    "inhaled-oxygen-concentration": ["3150-0"],
    "inhaled-oxygen-concentration-set": ["19994-3"],
    "oxygen-outlet-concentration": ["o2-outlet-concentration"],
    "device-usage": ["device-usage-duration"],
    "glucose-capillary": ["41653-7", "160184"],
    "glucose-capillary-molar": ["14743-9", "160184"],
    "glucose-blood": ["2339-0", "160020"],
    "glucose-blood-molar": ["15074-8", "160020"],
    "glucose-interstitial": ["99504-3", "160212"],
    "glucose-interstitial-molar": ["glucose-interstitial-molar", "160212"],
    "glucose-serum-plasma": ["glucose-serum-plasma"],
    "glucose-serum-plasma-molar": ["glucose-serum-plasma-molar"],
    "glucose-interstitial-mean": ["97507-8"],
    "steps": ["55423-8"],
    "steps-day": ["41950-7"],
    "sleep-duration": ["93832-4"],
    "sleep-deep": ["93831-6"],
    "sleep-light": ["93830-8"],
    "sleep-rem": ["93829-0"],
    "sleep-awake": ["93828-2"],
    "calories": ["41981-2"],
    "calories-active": ["calories-active"],
    "battery-level": ["battery-level"],
    "ecg-lead-mlii": ["ecg-lead-mlii"],
    "ecg-beats": ["ecg-beats"],
    "ecg-beat": ["ecg-beat"],
    "recording-event": ["recording-event"],
    "respiratory-event": ["respiratory-event"],
    "respiratory-rate-airway": ["9279-1", "151570"],
    "body-temperature-tympanic": ["8310-5", "150392"],
    "body-temperature-oral": ["8310-5", "188424"],
    "body-temperature-axillary": ["8310-5", "188452"],
    "oxygen-saturation-p95": ["oxygen-saturation-p95"],
    "pq-interval": ["8625-6", "147216"],
    "ecg-12-lead-panel": ["34534-8"],
    "news2-respiratory-rate": ["news2-respiratory-rate"],
    "news2-oxygen-saturation-1": ["news2-oxygen-saturation-1"],
    "news2-oxygen-saturation-2": ["news2-oxygen-saturation-2"],
    "news2-oxygen": ["news2-oxygen"],
    "news2-systolic-pressure": ["news2-systolic-pressure"],
    "news2-pulse": ["news2-pulse"],
    "news2-consciousness": ["news2-consciousness"],
    "news2-temperature": ["news2-temperature"],
    "apnea-index": ["apnea-index"],
    "hypopnea-index": ["hypopnea-index"],
    "arousal-index": ["arousal-index"],
    "ramp-time-set": ["ramp-time-set"],
    "expiratory-relief-set": ["expiratory-relief-set"],
    "expiratory-relief-ramp-set": ["expiratory-relief-ramp-set"],
    "ventilator-respiratory-rate": ["33438-3", "151586"],
    "ventilator-tidal-volume": ["76222-9", "151980"],
    "ventilator-minute-ventilation": ["76008-2", "151996"],
    "end-expiratory-pressure-set": ["20077-4"],
    "oxygen-flow-device": ["19941-4"],
    "operating-hours": ["operating-hours"],
    "glucose-capillary-plasma": ["41653-7", "160188"],
    "glucose-capillary-plasma-molar": ["14743-9", "160188"],
    "meal-context": ["8417864"],
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


def test_what_was_set_is_never_coded_or_kept_as_what_was_measured():
    settings = [row for row in metrics().values() if row.kind == "setting"]

    assert len(settings) > 10
    assert [row.key for row in settings if row.categories or row.profile] == []


def test_what_leaves_a_concentrator_is_never_the_inhaled_concentration():
    row = metric("oxygen-outlet-concentration")

    assert row.confidence == "L"
    assert "3150-0" not in [each.code for each in row.codings]


def test_a_leak_has_a_loinc_code_only_with_its_statistic():
    codes = {
        key: [each.code for each in metric(key).codings if "loinc" in each.system]
        for key in ("pap-leak", "pap-leak-median", "pap-leak-p95", "pap-leak-maximum")
    }

    assert codes == {
        "pap-leak": [],
        "pap-leak-median": ["70001-3"],
        "pap-leak-p95": ["69997-5"],
        "pap-leak-maximum": ["69998-3"],
    }


def test_no_code_that_is_known_to_be_wrong_stands_anywhere():
    codes = {each.code for row in metrics().values() for each in row.codings}

    assert codes.isdisjoint({"3150-6", "88330-6", "11524-0", "8625-2", "152720000"})


def test_no_unit_is_one_of_the_texts_that_only_look_like_ucum():
    units = {unit for row in metrics().values() if row.scale for unit in row.scale.accepts}

    assert units.isdisjoint({"bpm", "mmHg", "degC", "count/min", "{beat}/min", "[deg]"})


def test_mass_and_amount_of_glucose_are_never_converted_into_each_other():
    for key in ("glucose-capillary", "glucose-blood", "glucose-interstitial"):
        assert metric(key).scale.accepts == ("mg/dL",)
        assert metric(f"{key}-molar").scale.accepts == ("mmol/L",)


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

    # mass and amount of glucose: LOINC tells the two apart, MDC does not
    assert sorted(code for code, count in codes.items() if count > 1) == [
        "160020",
        "160184",
        "160188",
        "160212",
    ]


def test_checking_at_start_loads_no_unit_library():
    program = (
        "import sys; from mappers.metrics import check_registry; from mappers.profile import check_profiles;"
        "check_registry(); check_profiles(); sys.exit('pint' in sys.modules or 'ucumvert' in sys.modules)"
    )

    check_registry()
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
