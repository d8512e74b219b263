"""The headers that a Subscription's endpoint is to be sent: what they say is a secret, and is kept apart.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html
"""

import re
from typing import Final

from fhir_server.errors import Unprocessable
from fhir_server.json import JsonObject, JsonValue

PLACE: Final = "Subscription.channel.header"
MARKER: Final = "******"
"""What stands for a header's secret in everything that is stored or shown; sent back, it keeps the secret as it is."""

MOST: Final = 20
MOST_BYTES: Final = 8_000

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_OF_TRANSPORT: Final = frozenset(
    {
        *("host", "content-length", "content-type", "content-encoding", "transfer-encoding", "te", "trailer"),
        *("connection", "keep-alive", "upgrade", "expect", "date", "accept-encoding", "http2-settings"),
    }
)
_OURS: Final = ("webhook-", "proxy-", ":")


def headers(channel: JsonObject) -> dict[str, str | None]:
    """What the endpoint is to be sent, by name, in order; None where the marker says that the secret stays as it is.

    Raises Unprocessable, naming the header, for one that is none, that is not the client's to send, or that is there twice.
    """
    found, size = dict[str, str | None](), 0
    for number, line in enumerate(_lines(channel)):
        place = f"{PLACE}[{number}]"
        name, value = _parts(line, place)
        if name.lower() in map(str.lower, found):
            raise Unprocessable(f"The header {name} is given twice. Give it once.", place)
        found[name] = None if value == MARKER else value
        size += len(str(line))
    if len(found) > MOST or size > MOST_BYTES:
        raise Unprocessable(
            f"There are {len(found)} headers of {size} bytes. Give at most {MOST}, of {MOST_BYTES} bytes.",
            PLACE,
        )
    return found


def masked(channel: JsonObject) -> JsonObject:
    """The channel with the marker in place of what its headers say, which has been checked."""
    if "header" not in channel:
        return channel
    return {**channel, "header": [f"{_parts(line, PLACE)[0]}: {MARKER}" for line in _lines(channel)]}


def _lines(channel: JsonObject) -> list[JsonValue]:
    lines = channel.get("header")
    return lines if isinstance(lines, list) else []


def _parts(line: JsonValue, place: str) -> tuple[str, str]:
    name, _, value = str(line).partition(":")
    name, value = name.strip(" \t"), value.strip(" \t")
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise Unprocessable(
            f"The header {number_of(place)} is not `Name: value` in plain ASCII. Write it so.", place
        )
    if name.lower() in _OF_TRANSPORT or name.lower().startswith(_OURS):
        raise Unprocessable(f"The header {name} is the server's own to send. Leave it out.", place)
    return name, value


def number_of(place: str) -> str:
    """The part of a place in brackets: the line itself is never told, since it is a secret."""
    return place.rpartition("[")[2].rstrip("]")
