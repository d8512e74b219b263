"""A real 12-lead ECG: the recording that lies inside the pydicom package, sent as a file.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_A.34.3.html
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from fhir_server.demo.http import Client
from fhir_server.errors import OperatorError

_STATUSES: Final = ("created", "unchanged", "amended", "rejected")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the server said of the recording."""

    file: str
    statuses: tuple[str, ...]
    references: tuple[str, ...]
    notes: tuple[str, ...]


async def ecg(client: Client, device: str, patient: str) -> Recorded:
    """What became of the recording, which `patient` is said to be of; OperatorError when it was not taken in."""
    path = recording()
    said = urlencode({"name": path.name, "device": device, "patient": patient})
    answer = (await client.post_file(f"/ingest/files?{said}", path.read_bytes())).wanted(200)
    (file,) = answer.body["files"]
    statuses = ("seen",) if file["seen"] else tuple(each for each in _STATUSES if file[each])
    return Recorded(file["file"], statuses, tuple(file["references"]), tuple(file["notes"]))


def recording() -> Path:
    """The file; nothing is downloaded."""
    from pydicom.data import get_testdata_file

    found = get_testdata_file("waveform_ecg.dcm", download=False)
    if found is None:
        raise OperatorError("The pydicom package is here without its ECG. Install it again.")
    return Path(str(found))
