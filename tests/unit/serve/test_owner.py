"""What the owner refuses before anything runs."""

import pytest

from fhir_server.errors import OperatorError
from fhir_server.serve.owner import refuse_open_door
from fhir_server.settings import Settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_without_authentication_only_loopback_is_served(host):
    with pytest.raises(OperatorError, match="loopback"):
        refuse_open_door(Settings(_env_file=None, auth="off", host=host))


def test_loopback_without_authentication_and_any_address_with_it_are_fine():
    refuse_open_door(Settings(_env_file=None, auth="off", host="127.0.0.1"))
    refuse_open_door(Settings(_env_file=None, auth="on", host="0.0.0.0"))
