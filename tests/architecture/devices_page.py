"""The tables of docs/devices.md as the registry and the device types say them: `python -m tests.architecture.devices_page`.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Iterator
from pathlib import Path

from mappers.metric import Metric
from mappers.metrics import metrics
from mappers.profile import PROFILES, DeviceProfile, device_profile
from mappers.rule import FieldRule

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "devices.md"

_METRICS = "| metric | codes, first to last | unit | accepted | also taken | confidence |\n|---|---|---|---|---|---|\n"
_TYPES = "## Device types\n"
_FIELDS = "| field | also called | metric | unit if none is sent | |\n|---|---|---|---|---|\n"
_AFTER = "## Writing a device type\n"


def page(before: str) -> str:
    """The page with its tables made anew; the prose of `before` stays."""
    head, _, rest = before.partition(_METRICS)
    tail = rest.partition(_AFTER)[2]
    table = "".join(_metric(key, row) for key, row in metrics().items())
    types = "\n".join(_device_type(device_profile(key)) for key in PROFILES)
    return f"{head}{_METRICS}{table}\n{_TYPES}\n{types}\n{_AFTER}{tail}"


def _metric(key: str, row: Metric) -> str:
    codes = " · ".join(each.code for each in row.codings)
    unit, accepted, also = _value(row)
    setting = ", a setting" if row.kind == "setting" else ""
    return f"| `{key}` | {codes} | {unit} | {accepted}{setting} | {also} | {row.confidence} |\n"


def _value(row: Metric) -> tuple[str, str, str]:
    if row.scale:
        also = ", ".join(f"`{unit}`" for unit in row.scale.accepts[1:])
        return f"`{row.scale.unit}`", f"{row.scale.low} to {row.scale.high}", also or "–"
    if row.answers:
        return "–", ", ".join(f"`{says}`" for says in row.answers), "–"
    if row.signal:
        return f"`{row.signal.unit}`", "samples", "–"
    parts = row.components or row.members
    what = "panel of " if row.components else "panel with, each on its own, "
    return "–", what + ", ".join(f"`{part}`" for part in parts) if parts else "no value of its own", "–"


def _device_type(profile: DeviceProfile) -> str:
    group = f" Together they make `{profile.group.template.metric_key}`." if profile.group else ""
    rows = "".join(_field(rule) for rule in profile.rules)
    return f"### `{profile.key}`\n\n{profile.text}.{group}\n\n{_FIELDS}{rows}"


def _field(rule: FieldRule) -> str:
    also = ", ".join(f"`{name}`" for name in rule.names[1:]) or "–"
    metric = " · ".join(
        (f"`{rule.key}`", *(f"`{unit}`: `{each.key}`" for unit, each in rule.by_unit.items()))
    )
    unit = f"`{rule.unit}`" if rule.unit else "–"
    return f"| `{rule.name}` | {also} | {metric} | {unit} | {', '.join(_marks(rule))} |\n"


def _marks(rule: FieldRule) -> Iterator[str]:
    yield "required" if rule.required else "optional"
    if rule.kind == "setting":
        yield "setting"
    if rule.bounded:
        yield "`<20` and `>600` are taken"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
