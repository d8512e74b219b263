"""The whole schema: the tables of resources, those of devices and those of authorization, on one MetaData.

https://docs.sqlalchemy.org/en/21/core/metadata.html
"""

from fhir_server.store.devices import tables as devices
from fhir_server.store.smart import tables as smart
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
SMART_TABLES = (
    smart.oauth_client,
    smart.oauth_client_secret,
    smart.oauth_grant,
    smart.oauth_once,
    smart.oauth_access,
    smart.oauth_assertion,
    smart.oauth_key,
)

__all__ = ["DEVICE_TABLES", "SMART_TABLES", "TABLES", "metadata"]
