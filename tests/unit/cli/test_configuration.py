"""The settings a command runs with."""

import pytest

from fhir_server.cli.configuration import data_dir, settings
from fhir_server.errors import OperatorError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "FHIR_DATA_DIR", "FHIR_PORT", "FHIR_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_an_option_goes_before_the_environment_which_goes_before_the_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("FHIR_PORT=1001\n")
    assert settings().port == 1001
    monkeypatch.setenv("FHIR_PORT", "1002")
    assert settings().port == 1002
    assert settings(port=1003).port == 1003


def test_a_data_folder_is_always_there_and_absolute(tmp_path):
    assert data_dir(settings()).is_absolute()
    assert data_dir(settings(data_dir="here")) == tmp_path / "here"


def test_what_is_wrong_is_named_by_its_variable_and_the_value_is_not_shown(monkeypatch):
    monkeypatch.setenv("FHIR_TOKEN", "hush-hush")
    monkeypatch.setenv("FHIR_PORT", "many")
    with pytest.raises(OperatorError) as refused:
        settings()
    assert "FHIR_TOKEN: Value should have at least 32 characters" in str(refused.value)
    assert "FHIR_PORT" in str(refused.value)
    assert "hush-hush" not in str(refused.value)


def test_what_should_be_json_and_is_not_is_named_too(monkeypatch):
    monkeypatch.setenv("FHIR_OUTBOUND_ALLOW", "10.0.0.0/8")
    with pytest.raises(OperatorError, match=r"FHIR_OUTBOUND_ALLOW: .*JSON"):
        settings()
