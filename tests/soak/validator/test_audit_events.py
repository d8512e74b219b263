"""The AuditEvents that the server makes, as HAPI's validator sees them.

docs/adr/0019-audit.md
"""

import pytest

from fhir_server.audit.event import audit_event
from fhir_server.json import dumps
from tests.soak.validator.java import answers
from tests.unit.audit.test_event import AT, ID, RECORDS

pytestmark = pytest.mark.soak


def test_the_java_validator_has_nothing_against_them(java: list[str]):
    texts = [dumps(audit_event(ID, AT, record)) for record in RECORDS]
    assert [errors for errors in answers(java, texts) if errors] == []
