"""Subscriptions that files bring: taken on as the operator's, or refused by themselves."""

import json

from fhir_server.bulk.load import Watcher, load
from fhir_server.keys import MasterKey
from fhir_server.outbound import Outbound
from fhir_server.store.subscriptions.registrations import registered
from fhir_server.subscriptions.registrar import Registrar


def line(id, endpoint, **more):
    channel = {"type": "rest-hook", "endpoint": endpoint}
    tree = {
        "resourceType": "Subscription",
        "id": id,
        "status": "requested",
        "reason": "r",
        "channel": channel,
    }
    return json.dumps(tree | {"criteria": "Observation?code=1"} | more)


async def test_subscriptions_in_files_are_the_operators_and_what_cannot_be_run_is_refused_alone(
    database, tmp_path
):
    file, rejects = tmp_path / "some.ndjson", tmp_path / "rejects"
    lines = [
        '{"resourceType":"Basic","id":"before","code":{"text":"x"}}',
        line("good", "https://hooks.example/in"),
        line("inside", "https://127.0.0.1/in"),
        line("loop", "https://SERVER.example:443/fhir/"),
        line("past", "https://hooks.example/in", end="2020-01-01T00:00:00Z"),
        line("says-so", "https://hooks.example/in", status="active"),
        '{"resourceType":"Basic","id":"after","code":{"text":"x"}}',
    ]
    file.write_text("\n".join(lines))

    done = await load(
        database,
        [file],
        registrar=Registrar(MasterKey(b"k" * 32), Outbound(), "https://server.example/fhir", 1),
        state=tmp_path / "state",
        rejects=rejects,
        watcher=Watcher(lambda *_: None, lambda *_: None),
    )

    assert +done.counts == {"created": 3, "rejected": 4}
    refused = [json.loads(one)["issues"][0]["element"] for one in rejects.read_text().splitlines()]
    endpoint = "Subscription.channel.endpoint"
    assert refused == [endpoint, endpoint, "Subscription.end", "Subscription.status"]
    async with database.connection() as connection:
        (found,) = await registered(connection)
    assert (found.id, found.owner_key, found.state) == ("good", "|operator", "requested")
