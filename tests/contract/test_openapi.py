"""The OpenAPI document against the server it describes."""

import socket
import threading

import pytest
import schemathesis
import uvicorn
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.rest.catalog import CATALOG
from fhir_server.rest.smart import app_style

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TYPES = ("Patient", "Observation", "Device", "AuditEvent")
EXAMPLES = 12
EXAMPLES_ELSEWHERE = 4
ELSEWHERE = ("/oauth/", "/.well-known/", "/api/users", "/api/clients", "/api/keys", "/api/launches")


async def test_the_document_describes_every_interaction_of_every_type(client):
    document = (await client.get("/openapi.json")).json()
    assert {"/health", "/ready", "/metrics", "/ingest/readings", "/fhir/metadata"} <= set(document["paths"])
    for interaction in CATALOG:
        of_types = interaction.path in ("/{type}", "/{type}/_search")
        for type in set(RESOURCE_TYPES) - {"AuditEvent"} if of_types else ["{type}"]:  # that is served apart
            path = document["paths"]["/fhir" + interaction.path.replace("{type}", type)]
            assert interaction.method.lower() in path


async def test_the_document_describes_whatever_else_is_served(app):
    described = app.openapi()["paths"]
    undescribed = {each.path for each in iter_route_contexts(app.routes)} - described.keys()
    sockets = {"/ws/patients/{id}", "/ws/subscriptions"}  # OpenAPI knows no WebSockets
    assert undescribed == {"/openapi.json", "/oauth/style.css", app_style.PATH} | sockets


async def test_every_reference_in_the_document_leads_somewhere(client):
    document = (await client.get("/openapi.json")).json()

    def refs(node):
        if isinstance(node, dict):
            yield from [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            for child in node.values():
                yield from refs(child)
        elif isinstance(node, list):
            for child in node:
                yield from refs(child)

    for ref in set(refs(document)):
        found = document
        for step in ref.removeprefix("#/").split("/"):
            found = found[step]


@pytest.fixture
def address(app):
    """The application behind a real socket, served by a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


# the server's pool of connections does, in a thread of its own
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
def test_statuses_formats_and_shapes_are_as_documented(app, address):
    document = app.openapi()
    paths = {path: item for path, item in document["paths"].items() if _wanted(path)}
    schema = schemathesis.openapi.from_dict(document | {"paths": paths})

    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES if operation.path.startswith("/fhir") else EXAMPLES_ELSEWHERE,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def conforms(case):
            case.call_and_validate(base_url=address, checks=CHECKS)

        conforms()


def _wanted(path):
    if path.startswith(ELSEWHERE):
        return True
    first = path.removeprefix("/fhir/").split("/")[0]
    return path.startswith("/fhir") and (first in TYPES or not first[:1].isupper())
