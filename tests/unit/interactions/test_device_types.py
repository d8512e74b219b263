from pathlib import Path

import pytest

from fhir_server.errors import OperatorError
from fhir_server.interactions.device_types import MOST_BYTES, checked, device_types

BAND = """\
text: Wrist band
version: "1"
fields:
  pulse: {metric: heart-rate, unit: /min}
"""


def test_the_files_of_the_folder_stand_beside_the_types_of_the_server(tmp_path: Path):
    (tmp_path / "wrist-band.yaml").write_text(BAND)
    (tmp_path / "ankle-band.yml").write_text(BAND)
    (tmp_path / ".draft.yaml").write_text("nothing")
    (tmp_path / "README.md").write_text("nothing")

    types = device_types(tmp_path)

    assert types.own == {"wrist-band", "ankle-band"}
    assert device_types(None).own == set()


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        (
            "band.yaml",
            BAND.replace("heart-rate", "pulse"),
            r"band\.yaml, line 4: `metric: pulse` is not in the registry",
        ),
        ("scale.yaml", BAND, r"scale\.yaml, line 1: `scale` is a device type of this server"),
        (
            "band.yaml",
            BAND.replace("/min", "bpm"),
            r"band\.yaml, line 4: `unit: bpm`: 'bpm' is not a UCUM code",
        ),
        ("band.yaml", "fields: [", r"band\.yaml, line \d+: .*Correct the YAML"),
        ("band.yaml", "", r"band\.yaml, line 1: this is not a mapping"),
        ("band.yaml", "x" * (MOST_BYTES + 1), "is larger than 1000000 bytes"),
    ],
)
def test_a_server_does_not_start_with_an_unsound_type(tmp_path: Path, name: str, text: str, complaint: str):
    (tmp_path / name).write_text(text)

    with pytest.raises(OperatorError, match=complaint):
        device_types(tmp_path)


def test_a_server_does_not_start_with_a_folder_that_is_not_there_or_a_file_nobody_can_read(tmp_path: Path):
    with pytest.raises(OperatorError, match=r"FHIR_PROFILES_DIR .* is no folder"):
        device_types(tmp_path / "none")
    (tmp_path / "band.yaml").write_bytes(BAND.encode().replace(b"Wrist", b"\xff"))
    with pytest.raises(OperatorError, match=r"band\.yaml is not UTF-8 at byte 6"):
        device_types(tmp_path)
    with pytest.raises(OperatorError, match=r"cannot be read: No such file"):
        checked(tmp_path / "none.yaml")


def test_two_files_of_one_type_are_refused(tmp_path: Path):
    (tmp_path / "band.yaml").write_text(BAND)
    (tmp_path / "band.yml").write_text(BAND)

    with pytest.raises(OperatorError, match=r"band\.yml and band\.yaml are one device type"):
        device_types(tmp_path)
