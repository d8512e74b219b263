import pytest

from fhir_server import errors
from fhir_server.outcomes import STATUS, failure


def subclasses(kind):
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_request_error_has_a_status_of_its_own_or_its_parents():
    for kind in subclasses(errors.RequestError):
        assert any(base in STATUS for base in kind.__mro__), kind


CHALLENGED = {
    errors.AuthenticationFailed: b'Bearer realm="fhir"',
    errors.TokenRejected: b'Bearer realm="fhir", error="invalid_token"',
    errors.Forbidden: b'Bearer realm="fhir", error="insufficient_scope"',
}


@pytest.mark.item("smart-1.9-errors")
def test_a_scope_that_would_have_done_is_named():
    ((name, value),) = failure(errors.ScopeMissing("no", "user/Patient.r")).headers
    assert name == b"www-authenticate"
    assert value == b'Bearer realm="fhir", error="insufficient_scope", scope="user/Patient.r"'


@pytest.mark.item("smart-1.9-errors")
def test_only_a_token_that_does_not_hold_or_suffice_is_named_as_the_error():
    assert {kind: dict(failure(kind("no")).headers)[b"www-authenticate"] for kind in CHALLENGED} == CHALLENGED


@pytest.mark.parametrize(
    ("error", "status", "code", "header"),
    [
        (errors.InvalidSearch("no", "date"), 400, "invalid", None),
        (errors.AuthenticationFailed("no"), 401, "login", b"www-authenticate"),
        (errors.Gone("no", version=3), 410, "deleted", b"etag"),
        (errors.MethodNotAllowed("no", allowed=("GET",)), 405, "not-supported", b"allow"),
        (errors.TooCostly("no", retry_after=2), 429, "throttled", b"retry-after"),
        (errors.Unavailable("no"), 503, "transient", b"retry-after"),
    ],
)
def test_an_error_becomes_its_status_issue_and_header(error, status, code, header):
    told = failure(error)
    assert told.status == status
    assert told.outcome["issue"][0]["code"] == code
    assert [name for name, _ in told.headers] == ([header] if header else [])


def test_an_unforeseen_error_tells_nothing():
    told = failure(ValueError("Chalmers"))
    assert told.status == 500
    assert "Chalmers" not in str(told.outcome)


def test_the_element_to_blame_is_the_expression():
    assert failure(errors.InvalidSearch("no", "date")).outcome["issue"][0]["expression"] == ["date"]
    assert "expression" not in failure(errors.InvalidSearch("no")).outcome["issue"][0]
