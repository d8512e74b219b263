"""Whether the devices of patients are heard of, and what changed of that since a watcher was told.

docs/live.md, "Events"
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fhir_server.clock import instant
from fhir_server.interactions.device_view import connection as connection_state
from fhir_server.json import JsonObject
from fhir_server.rest.live.judging import Group
from fhir_server.store.database import Connection
from fhir_server.store.devices.of_patient import Carried, carried

States = Mapping[str, Mapping[str, JsonObject]]
"""The devices of each patient by their ids, each as it is told."""

_MAY_CHANGE = frozenset({"last_seen"})
"""A device that sends is seen anew all the time: that alone is no news."""


async def states(connection: Connection, groups: Sequence[Group], now: datetime) -> list[States]:
    """The devices of the patients of each group, as far as it may see them."""
    found: list[States] = []
    for group in groups:
        devices, uses = group.rights.devices, group.rights.uses
        of_group: dict[str, dict[str, JsonObject]] = {one: {} for one in group.patients}
        if devices is not None and uses is not None:
            for one in await carried(connection, group.patients, devices, uses):
                of_group[one.patient][one.id] = _state(one, now)
        found.append(of_group)
    return found


def news(before: Mapping[str, JsonObject] | None, after: Mapping[str, JsonObject]) -> list[JsonObject]:
    """What to tell whoever was told `before`: everything the first time; one that is gone is no longer on the patient."""
    known = before or {}
    told = [one for id, one in after.items() if id not in known or _lasting(known[id]) != _lasting(one)]
    gone = [
        {**one, "connection": "removed", "last_seen": None} for id, one in known.items() if id not in after
    ]
    return [*told, *gone]


def _lasting(state: JsonObject) -> JsonObject:
    return {name: value for name, value in state.items() if name not in _MAY_CHANGE}


def _state(one: Carried, now: datetime) -> JsonObject:
    return {
        "device": f"Device/{one.id}",
        "device_id": one.name,
        "type": one.profile,
        "connection": connection_state(one.last_seen_at, now),
        "last_seen": None if one.last_seen_at is None else instant(one.last_seen_at),
    }
