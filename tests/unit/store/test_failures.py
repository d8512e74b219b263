"""What failures of PostgreSQL mean to a client."""

import pytest
from psycopg import errors as sqlstates

from fhir_server.errors import Conflict, InsufficientStorage, TooCostly, Unavailable
from fhir_server.outcomes import failure
from fhir_server.store.devices.reach import reached
from fhir_server.store.failures import translation
from ingest.errors import NoSpace


@pytest.mark.parametrize(
    ("error", "meaning", "status"),
    [
        (sqlstates.DiskFull(), InsufficientStorage, 507),
        (sqlstates.AdminShutdown(), Unavailable, 503),
        (sqlstates.QueryCanceled(), TooCostly, 429),
        (sqlstates.DeadlockDetected(), Conflict, 409),
    ],
)
def test_a_full_disk_is_told_from_a_database_that_is_away(error, meaning, status):
    found = translation(error)

    assert type(found) is meaning
    assert failure(found).status == status


def test_a_full_disk_is_told_to_devices_as_such():
    with pytest.raises(NoSpace), reached():
        raise translation(sqlstates.DiskFull())
