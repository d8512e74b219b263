"""A search too long for an address: sent as a form, gone on with by short links, for a while."""

import secrets

import pytest

MANY = ",".join(["a", "b", *(secrets.token_hex(32) for _ in range(400))])


@pytest.fixture
async def page(client, fhir):
    """The first of two pages."""
    for id in ("a", "b"):
        tree = {"resourceType": "Patient", "id": id}
        assert (await client.put(f"/fhir/Patient/{id}", **fhir(tree))).status_code == 201
    return (await client.post("/fhir/Patient/_search", data={"_id": MANY, "_count": "1"})).json()


def links(page: dict) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in page["link"]}


async def test_the_next_page_is_had_by_a_plain_and_short_address(client, page):
    assert len(links(page)["next"]) < 300

    answer = await client.get(links(page)["next"])

    assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == ["b"]
    assert "next" not in links(answer.json())


async def test_a_next_page_that_was_kept_is_gone_when_its_time_is_over(client, database, page):
    async with database.connection() as connection:
        await connection.execute("UPDATE kept_search SET expires = now() - interval '1 second'")

    answer = await client.get(links(page)["next"])

    assert answer.status_code == 410
    assert answer.json()["issue"][0]["code"] == "not-found"
    assert "Search anew" in answer.json()["issue"][0]["diagnostics"]
