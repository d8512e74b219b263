"""docs/devices.md says what the registry and the device types say."""

from pathlib import Path

import pytest

from mappers.metrics import metrics
from mappers.profile import PROFILES, device_profile

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


ROWS = [cells(line) for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("key", metrics())
def test_the_page_has_every_metric_with_its_codes_unit_limits_and_confidence(key):
    row = metrics()[key]
    codes = " · ".join(each.code for each in row.codings)
    found = next(each for each in ROWS if each[0] == f"`{key}`")

    assert found[1] == codes
    assert found[-1] == row.confidence
    if row.scale:
        assert found[2:4] == [f"`{row.scale.unit}`", f"{row.scale.low} to {row.scale.high}"]


@pytest.mark.parametrize("key", PROFILES)
def test_the_page_has_every_device_type_with_its_fields(key):
    section = PAGE.split(f"### `{key}`\n")[1].split("\n##")[0]
    found = {
        row[0]: row[1:]
        for row in map(cells, section.splitlines())
        if row[0].startswith("`") and len(row) == 5
    }

    assert found == {
        f"`{rule.name}`": [
            ", ".join(f"`{name}`" for name in rule.names[1:]) or "–",
            f"`{rule.key}`",
            f"`{rule.unit}`",
            "required" if rule.required else "optional",
        ]
        for rule in device_profile(key).rules
    }


def test_the_notice_carries_what_the_licence_of_loinc_demands():
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())

    assert (
        "This material contains content from LOINC (http://loinc.org). LOINC is copyright © Regenstrief Institute, Inc. "
        "and the LOINC Committee and is available at no cost under the license at http://loinc.org/license. LOINC® is a "
        "registered trademark of Regenstrief Institute, Inc."
    ) in notice
