"""docs/devices.md says what the registry and the device types say."""

from pathlib import Path

from tests.architecture.devices_page import PAGE, page

ROOT = Path(__file__).parents[3]


def test_the_page_says_what_the_registry_and_the_device_types_say():
    text = PAGE.read_text(encoding="utf-8")

    assert page(text) == text
    assert "### `thermometer`" in text
    assert "| `thermometer`" not in text


def test_the_notice_carries_what_the_licence_of_loinc_demands():
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())

    assert (
        "This material contains content from LOINC (http://loinc.org). LOINC is copyright © Regenstrief Institute, Inc. "
        "and the LOINC Committee and is available at no cost under the license at http://loinc.org/license. LOINC® is a "
        "registered trademark of Regenstrief Institute, Inc."
    ) in notice
