import pytest

from fhir_server.errors import RequestError
from fhir_server.rest.streams.subscription_messages import BindId, BindToken, Ping, UnbindToken, message


@pytest.mark.item("sub-T9")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bind-with-token fhir-wb-x", BindToken("fhir-wb-x")),
        (" bind-with-token  fhir-wb-x\r\n", BindToken("fhir-wb-x")),
        ('{"type":"bind-with-token","payload":{"token":"x"}}', BindToken("x")),
        ('{"type":"unbind-from-token","payload":{"token":"x"}}', UnbindToken("x")),
        ("unbind-from-token x", UnbindToken("x")),
        ("bind 0-a.B", BindId("0-a.B")),
        ('{"type":"ping"}', Ping()),
    ],
)
def test_what_a_client_says_is_understood_in_words_and_as_json(text, said):
    assert message(text) == said


@pytest.mark.parametrize(
    "text",
    ["", "bind", "bind a/b", "bind a b", "bind-with-token", "hello", "{", "[]", '{"type":"bind-with-token"}',
     '{"type":"bind-with-token","payload":{"token":1}}', '{"type":"bind-with-token","payload":"x"}'],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(RequestError):
        message(text)
