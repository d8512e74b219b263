"""The Java validator, built once for all tests here."""

import pytest

from tests.soak.validator.java import build


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that answers each line of resources with a line of what it found."""
    return build(tmp_path_factory.mktemp("java"))
