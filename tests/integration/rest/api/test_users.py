"""People looked after over HTTP."""

import json

import pytest

from fhir_server.rest.api.user_models import User, UserWithPassword


@pytest.fixture
async def there(client, fhir):
    """A Practitioner, a Patient and an Organization to be linked to."""
    for type, id in (("Practitioner", "d1"), ("Patient", "p1"), ("Organization", "o1")):
        tree = {"resourceType": type, "id": id} | ({"name": "O"} if type == "Organization" else {})
        assert (await client.put(f"/fhir/{type}/{id}", **fhir(tree))).status_code == 201


ANNA = {"name": "Anna", "role": "practitioner", "fhir_user": "Practitioner/d1", "organizations": ["o1"]}


async def test_a_user_is_added_shown_changed_and_disabled_and_never_with_a_password(client, there):
    made = await client.post("/api/users", json=ANNA)
    assert (made.status_code, made.headers["location"]) == (201, "/api/users/anna")
    assert made.headers["cache-control"] == "no-store"
    anna = made.json()
    UserWithPassword.model_validate(anna, extra="forbid")
    shown = await client.get("/api/users/ANNA")
    User.model_validate(shown.json(), extra="forbid")
    assert shown.json() == {name: value for name, value in anna.items() if name != "one_time_password"}
    assert (await client.get("/api/users")).json() == {"users": [shown.json()], "next": None}
    changed = await client.put("/api/users/anna", json={"role": "admin", "auditor": True})
    assert (changed.json()["role"], changed.json()["auditor"], changed.json()["fhir_user"]) == (
        "admin",
        True,
        None,
    )
    again = (await client.post("/api/users/anna/password")).json()
    assert again["one_time_password"] not in (None, anna["one_time_password"])
    assert (await client.post("/api/users/anna/disable")).json()["status"] == "disabled"
    assert (await client.post("/api/users/anna/enable")).json()["status"] == "active"


async def test_a_user_who_cannot_be_is_refused_by_the_member_that_is_wrong(client, there):
    for said, member in (
        ({"name": "a b"}, "name"),
        ({"role": "root"}, "role"),
        ({"fhir_user": "Practitioner/gone"}, "fhir_user"),
        ({"organizations": ["gone"]}, "organizations"),
        ({"password": "password1234"}, "password"),
        ({"unknown": 1}, "unknown"),
        ({"name": None}, "name"),
    ):
        response = await client.post("/api/users", json=ANNA | said)
        assert response.status_code == 400, said
        assert response.json()["issue"][0]["expression"] == [member]
        assert "password1234" not in response.text


async def test_a_name_is_taken_once_and_one_that_is_nobodys_is_not_found(client, there):
    await client.post("/api/users", json=ANNA)
    assert (await client.post("/api/users", json=ANNA)).status_code == 409
    for method, path in (("GET", "nobody"), ("POST", "nobody/disable"), ("POST", "%00/password")):
        assert (await client.request(method, f"/api/users/{path}")).status_code == 404


async def test_the_users_are_listed_page_by_page(client, there):
    for name in ("c", "a", "b"):
        await client.post(
            "/api/users", json={"name": name, "role": "admin", "password": "tiger lamp seven boat"}
        )
    first = (await client.get("/api/users?limit=2")).json()
    assert ([each["name"] for each in first["users"]], first["next"]) == (["a", "b"], "b")
    second = (await client.get("/api/users?limit=2&after=b")).json()
    assert json.dumps(second).count('"name"') == 1
