"""The whole schema: the tables of resources, of devices, of authorization, of the audit and of subscriptions, on one MetaData.

https://docs.sqlalchemy.org/en/21/core/metadata.html
"""

from fhir_server.store.audit import tables as audit
from fhir_server.store.devices import tables as devices
from fhir_server.store.smart import people_tables as people
from fhir_server.store.smart import tables as smart
from fhir_server.store.subscriptions import tables as subscriptions
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
    people.account,
    people.login_attempt,
    people.login_session,
    people.app_launch,
    people.app_request,
    people.app_consent,
)
SUBSCRIPTION_TABLES = (
    subscriptions.subscription,
    subscriptions.subscription_progress,
    subscriptions.subscription_event,
    subscriptions.subscription_set_aside,
    subscriptions.subscription_cursor,
    subscriptions.subscription_binding,
)
AUDIT_TABLES = (audit.audit, audit.audit_seal, audit.audit_sealing)

__all__ = ["AUDIT_TABLES", "DEVICE_TABLES", "SMART_TABLES", "SUBSCRIPTION_TABLES", "TABLES", "metadata"]
