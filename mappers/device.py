"""A device as FHIR describes it: the Device, what it measures, and on whom it is used.

https://hl7.org/fhir/R4/device.html
"""

from collections.abc import Callable

from mappers.mapped import Resource
from mappers.profile import DeviceProfile, FieldRule
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


def device_metrics(device_id: str, profile: DeviceProfile, new_id: Callable[[], str]) -> tuple[Resource, ...]:
    """One DeviceMetric for everything a device of this profile measures; `new_id` gives their logical ids."""
    return tuple(_device_metric(device_id, rule, new_id()) for rule in profile.rules)


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


def _device_metric(device_id: str, rule: FieldRule, metric_id: str) -> Resource:
    unit: dict[str, object] = {
        "coding": [coding(Coding(systems.UCUM, rule.scale.unit))],
        "text": rule.scale.human,
    }
    return {
        "resourceType": "DeviceMetric",
        "id": metric_id,
        "type": codeable_concept(rule.metric),
        "unit": unit,
        "source": {"reference": f"Device/{device_id}"},
        "operationalStatus": "on",
        "category": rule.kind,
    }
