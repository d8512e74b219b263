"""A device as FHIR describes it: the Device, what it measures, and on whom it is used.

https://hl7.org/fhir/R4/device.html
"""

from mappers.identity import device_metric_id
from mappers.mapped import Resource
from mappers.metric import Scale
from mappers.profile import DeviceProfile
from mappers.rule import FieldRule
from mappers.template import codeable_concept, coding
from terminology import systems
from terminology.service import Coding


def device(device_id: str, name: str, profile: DeviceProfile) -> Resource:
    """The Device with the logical id `device_id`; `name`, under which it signs its readings, is its identifier."""
    return {
        "resourceType": "Device",
        "id": device_id,
        "identifier": [{"system": systems.DEVICE_NAME, "value": name}],
        "status": "active",
        "deviceName": [{"name": name, "type": "user-friendly-name"}],
        "type": _device_type(profile),
    }


def device_metrics(device_id: str, profile: DeviceProfile) -> tuple[Resource, ...]:
    """One DeviceMetric for everything a device of this profile measures, or has set on it."""
    return tuple(_device_metric(device_id, rule) for rule in _by_metric(profile).values())


def metric_keys(profile: DeviceProfile) -> str:
    """Which DeviceMetrics a device of this profile has, in one text: another one when the profile is declared anew."""
    return " ".join(_by_metric(profile))


def _by_metric(profile: DeviceProfile) -> dict[str, FieldRule]:
    """The first rule of each metric; a statistic of one is no other."""
    found: dict[str, FieldRule] = {}
    for rule in profile.rules:
        for each in (rule, *rule.by_unit.values()):
            found.setdefault(each.key, each)
    return found


def assignment(
    assignment_id: str, device_id: str, patient_id: str, start: str, end: str | None = None
) -> Resource:
    """The DeviceUseStatement that gives a device to a patient from `start` to `end`, both FHIR dateTimes.

    An open end means until further notice.
    """
    period = {"start": start} if end is None else {"start": start, "end": end}
    return {
        "resourceType": "DeviceUseStatement",
        "id": assignment_id,
        "status": "active",
        "subject": {"reference": f"Patient/{patient_id}"},
        "timingPeriod": period,
        "device": {"reference": f"Device/{device_id}"},
    }


def _device_type(profile: DeviceProfile) -> dict[str, object]:
    if profile.mdc_device_type is None:
        return {"text": profile.text}
    return {"coding": [coding(Coding(systems.MDC, profile.mdc_device_type))], "text": profile.text}


def _device_metric(device_id: str, rule: FieldRule) -> Resource:
    scale = rule.scale
    unit: dict[str, object] = {} if scale is None else {"unit": _unit(scale)}
    return {
        "resourceType": "DeviceMetric",
        "id": device_metric_id(device_id, rule.key),
        "type": codeable_concept(rule.metric),
        **unit,
        "source": {"reference": f"Device/{device_id}"},
        "operationalStatus": "on",
        "category": rule.kind,
    }


def _unit(scale: Scale) -> dict[str, object]:
    return {"coding": [coding(Coding(systems.UCUM, scale.unit))], "text": scale.human}
