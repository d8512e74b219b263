"""What is checked before readings are taken in."""

import pytest

from fhir_server.errors import OperatorError
from fhir_server.interactions.ingest_gateway import refuse_unsound
from mappers.errors import InvalidDeclaration


def test_an_unsound_declaration_is_told_to_the_operator_with_its_place():
    def check():
        raise InvalidDeclaration(
            "metrics.yaml, line 141: `8480-7` is no LOINC code: its check digit is wrong."
        )

    with pytest.raises(OperatorError, match=r"metrics\.yaml, line 141: `8480-7` is no LOINC code"):
        refuse_unsound(lambda: None, check)
