"""The static bearer token."""

import stat

import pytest

from fhir_server.errors import OperatorError
from fhir_server.serve.token import lasting_token, token
from fhir_server.settings import Settings

LONG = "a-token-that-is-long-enough-to-be-one"


def _settings(**fields):
    return Settings(_env_file=None, **fields)


def test_without_authentication_there_is_no_token(tmp_path):
    assert token(_settings(auth="off", token=LONG, data_dir=tmp_path)) is None


def test_there_need_be_no_token(tmp_path):
    assert token(_settings(data_dir=tmp_path)) is None


def test_the_lasting_token_is_made_once_and_for_its_owner_alone(tmp_path):
    settings = _settings(data_dir=tmp_path / "data")
    made = lasting_token(settings)
    assert len(made) >= 32
    assert lasting_token(settings) == token(settings) == made
    assert stat.S_IMODE((tmp_path / "data" / "token").stat().st_mode) == 0o600


def test_the_setting_goes_before_the_file(tmp_path):
    lasting_token(_settings(data_dir=tmp_path))
    assert token(_settings(data_dir=tmp_path, token=LONG)) == LONG


def test_a_token_file_that_was_cut_short_is_not_trusted(tmp_path):
    (tmp_path / "token").write_text("short\n")
    assert token(_settings(data_dir=tmp_path)) is None
    with pytest.raises(OperatorError, match="Remove the file"):
        lasting_token(_settings(data_dir=tmp_path))
