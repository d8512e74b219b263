"""How a Subscription asks to be told: its channel, checked element by element.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.channel
"""

import re
from typing import Final, get_args

from fhir_server.errors import Unprocessable
from fhir_server.json import JsonObject, JsonValue
from fhir_server.subscriptions.asked_headers import headers
from fhir_server.subscriptions.extensions import (
    CHANNEL_TYPE,
    CONTENT,
    HEARTBEAT,
    MAX_COUNT,
    TIMEOUT,
    Extension,
    extensions,
    refuse_others,
    single,
)
from fhir_server.subscriptions.model import Channel, ChannelType, Content

PLACE: Final = "Subscription.channel"
FHIR_JSON: Final = "application/fhir+json"
_JSON: Final = frozenset({FHIR_JSON, "application/json"})
SYSTEM: Final = "urn:fhir-server:code-system:channel-type"
"""The codes of channels that R4 has none for."""

_SERVED: Final = get_args(ChannelType)
_CONTENTS: Final = get_args(Content)
PUSHED: Final = frozenset({"rest-hook"})
"""The channels whose endpoint must say first that it takes notifications."""

_NUMBERS: Final = {HEARTBEAT: "valueUnsignedInt", TIMEOUT: "valueUnsignedInt", MAX_COUNT: "valuePositiveInt"}
_PARAMETER: Final = re.compile(r""" *(?:fhirversion=("?)4\.0(?:\.1)?\1|charset=("?)utf-8\2) *""")


def channel(tree: JsonObject, *, backport: bool) -> Channel:
    """The channel of the Subscription in `tree`, of the guide's or of R4's own.

    Raises Unprocessable, naming the element, for what is not served.
    """
    element = tree["channel"]
    assert isinstance(element, dict), "the schema has checked it"
    found = single(extensions(element, PLACE, _NUMBERS if backport else {}))
    refuse_others(element, PLACE, frozenset({"type", "payload"}))
    type = _type(element)
    payload, content = _payload(element, type, backport=backport)
    return Channel(
        type=type,
        endpoint=_endpoint(element, type),
        payload=payload,
        content=content,
        header_names=tuple(_headers(element, type)),
        heartbeat=_number(found.get(HEARTBEAT)),
        timeout=_number(found.get(TIMEOUT)),
        max_count=_number(found.get(MAX_COUNT)),
    )


def _type(element: JsonObject) -> ChannelType:
    place = f"{PLACE}.type"
    own = single(extensions(element.get("_type"), place, {CHANNEL_TYPE: "valueCoding"})).get(CHANNEL_TYPE)
    if own is None:
        return _served(element.get("type"), place)
    coding = own.value
    if not isinstance(coding, dict) or coding.get("system") != SYSTEM:
        raise Unprocessable(f"The channel's type is of an unknown system. Give one of {SYSTEM}.", own.place)
    return _served(coding.get("code"), own.place)


def _served(code: JsonValue, place: str) -> ChannelType:
    for one in _SERVED:
        if code == one:
            found: ChannelType = one
            return found
    raise Unprocessable(
        f"The channel {str(code)[:60]!r} is not served. Choose one of {', '.join(_SERVED)}; sse goes into an extension of "
        "the type, see docs/subscriptions.md.",
        place,
    )


def _endpoint(element: JsonObject, type: ChannelType) -> str | None:
    """Where to send; whether it may be sent there is for the setting `outbound_allow` to say."""
    endpoint, place = element.get("endpoint"), f"{PLACE}.endpoint"
    if type in PUSHED and endpoint is None:
        raise Unprocessable("A rest-hook needs an endpoint. Name the address to send to.", place)
    if type not in PUSHED and endpoint is not None:
        raise Unprocessable(f"A {type} channel has no endpoint: it is asked from here. Leave it out.", place)
    return None if endpoint is None else str(endpoint)


def _payload(element: JsonObject, type: ChannelType, *, backport: bool) -> tuple[str | None, Content]:
    payload, place = element.get("payload"), f"{PLACE}.payload"
    known = {CONTENT: "valueCode"} if backport else {}
    level = single(extensions(element.get("_payload"), place, known)).get(CONTENT)
    if payload is not None and not _is_fhir_json(str(payload)):
        raise Unprocessable(f"The payload {str(payload)[:80]!r} is not served. Send {FHIR_JSON}.", place)
    if backport:
        return FHIR_JSON if payload is None else str(payload), _content(level)
    if type == "websocket" and payload is not None:
        raise Unprocessable(
            "A WebSocket of R4's own is only told that there is something. Leave the payload out, or name a topic.",
            place,
        )
    return (None, "empty") if payload is None else (str(payload), "full-resource")


def _content(level: Extension | None) -> Content:
    """How much an event tells: nothing, where nothing is asked for."""
    if level is None:
        return "empty"
    for one in _CONTENTS:
        if level.value == one:
            found: Content = one
            return found
    raise Unprocessable(
        f"The content {str(level.value)[:60]!r} is not served. Choose one of {', '.join(_CONTENTS)}.",
        level.place,
    )


def _is_fhir_json(payload: str) -> bool:
    """Whether it is FHIR's JSON, or JSON at all, with no other parameter than the version of this server, or UTF-8; it is sent as it is."""
    media_type, *parameters = payload.lower().split(";")
    return media_type.strip(" ") in _JSON and all(_PARAMETER.fullmatch(one) for one in parameters)


def _headers(element: JsonObject, type: ChannelType) -> list[str]:
    found = headers(element)
    if found and type not in PUSHED:
        raise Unprocessable(f"A {type} channel sends no headers. Leave them out.", f"{PLACE}.header")
    return list(found)


def _number(found: Extension | None) -> int | None:
    if found is None:
        return None
    if not isinstance(found.value, int) or found.value < 1:
        raise Unprocessable(f"{found.value} is not served. Give at least 1, or leave it out.", found.place)
    return found.value
