"""What a Subscription asks for, or why it cannot be run: nothing is accepted and then ignored.

https://hl7.org/fhir/R4/subscription.html; https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/

Pure: whether its writer may be told, whether its endpoint may be sent to and what is kept of it already is looked at where
it is written, in `registrar`.
"""

from datetime import datetime
from typing import Final, get_args

from fhir_server.errors import Unprocessable
from fhir_server.json import JsonObject
from fhir_server.search.params.date import span
from fhir_server.store.subscriptions.apart import Apart, Given
from fhir_server.subscriptions.as_json import asked_json
from fhir_server.subscriptions.asked_channel import PUSHED, channel
from fhir_server.subscriptions.asked_criteria import of_search, of_topic, topic_of
from fhir_server.subscriptions.asked_headers import headers, masked
from fhir_server.subscriptions.extensions import PROFILE, refuse_any, refuse_others
from fhir_server.subscriptions.model import Asked

TYPE: Final = "Subscription"


def taken_apart(tree: JsonObject, *, base_url: str, now: datetime) -> tuple[JsonObject, Apart]:
    """The Subscription as it is stored, without secrets, and what it asks for. Raises Unprocessable as `asked` does.

    One that is requested is active at once where its channel is asked from here; the server alone says what went wrong.
    """
    wanted, given = asked(tree, id="", base_url=base_url, now=now), _given(tree)
    channel = tree["channel"]
    assert isinstance(channel, dict), "the schema has checked it"
    kept: JsonObject = {**tree, "channel": masked(channel)}
    if given == "requested":
        kept["status"] = "requested" if wanted.channel.type in PUSHED else "active"
    if given != "error":
        kept = {name: value for name, value in kept.items() if name not in ("error", "_error")}
    return kept, Apart(asked_json(wanted), given, wanted.ends_at, headers(channel))


def asked(tree: JsonObject, *, id: str, base_url: str, now: datetime) -> Asked:
    """What the valid R4 Subscription in `tree` asks for; references under `base_url` are this server's own.

    Raises Unprocessable, naming the element that is to blame, for what cannot be run as it is asked.
    """
    refuse_any(tree, TYPE)
    refuse_others(tree, TYPE, frozenset({"criteria"}))
    topic = topic_of(tree, base_url, claimed=_claimed(tree))
    criterion = of_search(tree, base_url) if topic is None else of_topic(topic, tree, base_url)
    return Asked(
        id=id,
        topic=None if topic is None else str(tree["criteria"]),
        criteria=(criterion,),
        channel=channel(tree, backport=topic is not None),
        ends_at=_end(tree, now),
    )


def _given(tree: JsonObject) -> Given:
    """The status that the client gives; R4 lets one say that there is none, by an extension."""
    for one in get_args(Given):
        if tree.get("status") == one:
            found: Given = one
            return found
    raise Unprocessable("There is no status. Send requested, or off.", f"{TYPE}.status")


def _claimed(tree: JsonObject) -> bool:
    """Whether it says that it is one of the guide's."""
    meta = tree.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    return isinstance(profiles, list) and any(str(one).partition("|")[0] == PROFILE for one in profiles)


def _end(tree: JsonObject, now: datetime) -> datetime | None:
    """When it ends: one that is off may have ended already."""
    end = tree.get("end")
    if end is None:
        return None
    ends_at = span(str(end)).lo
    if ends_at <= now and tree.get("status") != "off":
        raise Unprocessable(f"The end {end} has passed. Give one to come, or none.", f"{TYPE}.end")
    return ends_at
