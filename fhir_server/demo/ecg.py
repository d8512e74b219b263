"""A real 12-lead ECG: the recording that lies inside the pydicom package, sent as `examples/send_file.py` sends files.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_A.34.3.html
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from fhir_server.errors import OperatorError

_EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "send_file.py"
_STATUSES: Final = ("created", "unchanged", "amended", "rejected")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the server said of the recording."""

    file: str
    statuses: tuple[str, ...]
    references: tuple[str, ...]
    notes: tuple[str, ...]


async def ecg(address: str, token: str | None, device: str, patient: str) -> Recorded:
    """What became of the recording, which `patient` is said to be of; OperatorError when it was not taken in."""
    environment = {name: value for name, value in os.environ.items() if name != "FHIR_TOKEN"}
    sending = await asyncio.create_subprocess_exec(
        sys.executable,
        *(str(_EXAMPLE), address, str(recording()), "--device", device, "--patient", patient),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment | ({"FHIR_TOKEN": token} if token else {}),
    )
    said, complaint = await sending.communicate()
    if sending.returncode:
        raise OperatorError(f"The ECG was not taken in: {complaint.decode(errors='replace').strip()[-500:]}")
    (file,) = orjson.loads(said)["files"]
    statuses = ("seen",) if file["seen"] else tuple(each for each in _STATUSES if file[each])
    return Recorded(file["file"], statuses, tuple(file["references"]), tuple(file["notes"]))


def recording() -> Path:
    """The file; nothing is downloaded."""
    from pydicom.data import get_testdata_file

    found = get_testdata_file("waveform_ecg.dcm", download=False)
    if found is None:
        raise OperatorError("The pydicom package is here without its ECG. Install it again.")
    return Path(str(found))
