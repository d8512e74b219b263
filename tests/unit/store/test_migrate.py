"""A database that is not there."""

import pytest

from fhir_server.errors import OperatorError
from fhir_server.store import migrate


def test_a_database_that_does_not_answer_is_told_in_one_line_without_its_password():
    with pytest.raises(OperatorError, match="DATABASE_URL") as refused:
        migrate.revision("postgresql://fhir:hidden@127.0.0.1:1/fhir")

    assert "refused" in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert "\n" not in str(refused.value)
