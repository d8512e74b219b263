import pytest

from fhir_server.errors import OperatorError
from fhir_server.settings import Settings
from fhir_server.store.blobs.catalog import blobs
from fhir_server.store.blobs.folder import FolderBlobs
from fhir_server.store.blobs.s3 import S3Blobs


def configured(**changes):
    return Settings(_env_file=None, **changes)


def test_contents_lie_beside_the_database_where_nothing_else_is_said(tmp_path):
    found = blobs(configured(data_dir=tmp_path))
    assert isinstance(found, FolderBlobs)
    assert found.path(bytes(32)) == tmp_path / "blobs" / "00" / ("0" * 62)
    assert blobs(configured()) is None


def test_a_bucket_is_named_as_aws_names_them():
    assert isinstance(blobs(configured(blobs="s3://bucket/some/prefix")), S3Blobs)
    assert isinstance(blobs(configured(blobs="s3://bucket", blobs_endpoint="http://localhost:9000")), S3Blobs)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"blobs": "s3://"}, "'s3://'"),
        ({"blobs": "s3:bucket"}, "s3://bucket/prefix"),
        ({"blobs": "s3://b/../c?d"}, "s3://bucket/prefix"),
        ({"blobs": "s3://bucket", "blobs_key_id": "k"}, "go together"),
    ],
)
def test_an_address_that_is_none_is_refused(changes, said):
    with pytest.raises(OperatorError, match=said):
        blobs(configured(**changes))
