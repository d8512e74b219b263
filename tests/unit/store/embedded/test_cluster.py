from pathlib import Path

from fhir_server.store.embedded import cluster
from fhir_server.store.embedded.address import url_of
from fhir_server.store.embedded.directory import DataDirectory


def test_no_setting_of_the_caller_touches_where_the_server_listens():
    given = {"listen_addresses": "*", "unix_socket_permissions": "0777", "port": "1", "work_mem": "3MB"}
    words = cluster.options("fhir-1-2", Path("/run/x"), 5432, given)

    assert words[1::2] == [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "port=5432",
        "work_mem=3MB",
        "cluster_name=fhir-1-2",
        'unix_socket_directories="/run/x"',
    ]


def test_the_address_escapes_its_paths_and_holds_no_password():
    url = url_of(DataDirectory(Path("/da ta?&")), Path("/ru n"))

    assert url == "postgresql://fhir@/fhir?host=%2Fru%20n&port=5432&passfile=%2Fda%20ta%3F%26%2Fpassword"
