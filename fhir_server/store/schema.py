"""The whole schema: the tables of resources and those of devices, on one MetaData.

https://docs.sqlalchemy.org/en/21/core/metadata.html
"""

from fhir_server.store.devices import tables as devices
from fhir_server.store.tables import metadata

TABLES = (*metadata.sorted_tables,)
DEVICE_TABLES = (
    devices.device,
    devices.device_secret,
    devices.device_assignment,
    devices.device_rate,
    devices.seen_request,
    devices.dead_letter,
)

__all__ = ["DEVICE_TABLES", "TABLES", "metadata"]
