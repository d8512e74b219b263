"""The URLs that name code systems.

https://hl7.org/fhir/R4/terminologies-systems.html
"""

from typing import Final

LOINC: Final = "http://loinc.org"
MDC: Final = "urn:iso:std:iso:11073:10101"
SNOMED_CT: Final = "http://snomed.info/sct"
UCUM: Final = "http://unitsofmeasure.org"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
DATA_ABSENT_REASON: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
OBSERVATION_STATISTICS: Final = "http://terminology.hl7.org/CodeSystem/observation-statistics"

DEVICE_STATUS_REASON: Final = "http://terminology.hl7.org/CodeSystem/device-status-reason"

LOCAL_METRIC: Final = "urn:fhir-server:code-system:metric"
"""Device metrics for which no published code tells the truth."""

LOCAL_CATEGORY: Final = "urn:fhir-server:code-system:observation-category"
"""Observation categories that FHIR does not have: `setting` and `technical`."""

LOCAL_DEVICE_VERSION: Final = "urn:fhir-server:code-system:device-version"
"""What a version of a device is the version of: `firmware`."""

DEVICE_NAME: Final = "urn:fhir-server:device-name"
"""Identifier system of the name under which a device signs its readings."""

READING_IDENTITY: Final = "urn:fhir-server:reading"
"""Identifier system of what makes a reading the same reading when it is sent again."""

MESSAGE_SHA256: Final = "urn:fhir-server:message:sha-256"
"""Identifier system of the bytes that a device sent: their SHA-256 in lowercase hex, as `sha256sum` prints it."""

PAP_NIGHT: Final = "urn:fhir-server:pap-night"
"""Identifier system of a night of positive airway pressure, `<id of the Device>/<day on which it began>`."""

WFDB_ANNOTATION: Final = "urn:fhir-server:code-system:wfdb-annotation"
"""The codes that annotators of WFDB records write: `N`, `V` and so on, which have no published system."""

LOCAL_DOCUMENT: Final = "urn:fhir-server:code-system:document-type"
"""Kinds of documents that LOINC has no code for that was read: `signal-recording`."""
