from pathlib import Path

import pytest

from fhir_server.store.embedded import directory
from fhir_server.store.embedded.directory import default_data_dir


def as_user(monkeypatch: pytest.MonkeyPatch, uid: int, **variables: str) -> None:
    for name in ("FHIR_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(directory.os, "geteuid", lambda: uid)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("uid", "variables", "expected"),
    [
        (0, {}, "/var/lib/fhir-server"),
        (1000, {}, "/home/ada/.local/share/fhir-server"),
        (1000, {"XDG_DATA_HOME": "/data/ada"}, "/data/ada/fhir-server"),
        (1000, {"XDG_DATA_HOME": "relative"}, "/home/ada/.local/share/fhir-server"),
        (1000, {"FHIR_DATA_DIR": "/srv/fhir"}, "/srv/fhir"),
        (0, {"FHIR_DATA_DIR": "~/fhir"}, "/home/ada/fhir"),
    ],
)
def test_the_default_is_the_user_s_own(
    monkeypatch: pytest.MonkeyPatch, uid: int, variables: dict[str, str], expected: str
):
    as_user(monkeypatch, uid, **variables)

    assert default_data_dir() == Path(expected)
