"""A real 12-lead ECG: the recording that lies inside the pydicom package.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_A.34.3.html
"""

from pathlib import Path

from fhir_server import clock
from fhir_server.errors import OperatorError
from fhir_server.interactions.ingest_gateway import intake
from fhir_server.keys import MasterKey
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from ingest.errors import IngestError
from ingest.files.bringing import incoming, told_apart
from ingest.files.format import Saying
from ingest.files.summary import FileSummary


async def ecg(
    database: Database, key: MasterKey, settings: Settings, device: str, patient: str
) -> FileSummary:
    """What became of the recording, which `patient` is said to be of; OperatorError when it cannot be read."""
    taking = intake(database, key)
    path = recording()
    try:
        origin = await taking.origin(device, clock.now(), Saying(patient=patient))
        brought = told_apart([incoming(path.name, path, settings.max_file_bytes)])
        (summary,) = await taking.take_all(brought, origin, vouched=True)
    except IngestError as error:
        raise OperatorError(f"The ECG was not taken in: {error}") from error
    return summary


def recording() -> Path:
    """The file; nothing is downloaded."""
    from pydicom.data import get_testdata_file

    found = get_testdata_file("waveform_ecg.dcm", download=False)
    if found is None:
        raise OperatorError("The pydicom package is here without its ECG. Install it again.")
    return Path(str(found))
