"""An app's request for a person's approval: checked, then answered with a code or a refusal.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

from smart_auth import tokens
from smart_auth.addresses import Addresses
from smart_auth.clients import Client
from smart_auth.errors import NotAnswerable, SentBack
from smart_auth.granting import granted
from smart_auth.grants import Grant, Once
from smart_auth.person import Person
from smart_auth.ports import Clients, Grants, Resources
from smart_auth.scopes import scope

Parameters: TypeAlias = Sequence[tuple[str, str]]
Back: TypeAlias = Callable[[str, str], SentBack]

CODE_LIFE: Final = timedelta(seconds=60)
MAX_STATE: Final = 6_144  # characters as it stands in an address: any 2 kB
MAX_REQUEST: Final = 12_000  # as an address, which a request that was posted becomes too
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_TAKEN_ONCE: Final = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "aud", "resource", "launch", "nonce",
        "prompt", "max_age", "login_hint", "code_challenge", "code_challenge_method", "response_mode",
    }
)  # fmt: skip
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """A request that may be put to a person. `scopes` are as asked for, in order, before anyone decided on them."""

    client: Client
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str
    launch: str | None = None
    nonce: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    login_hint: str | None = None

    @property
    def wants_patient(self) -> bool:
        """Whether a patient must be chosen: asked for as such, or needed by a scope at the level of a patient."""
        return "launch/patient" in self.scopes or any(
            found is not None and found.level == "patient" for found in map(scope, self.scopes)
        )

    @property
    def wants_encounter(self) -> bool:
        """Whether an encounter is to be chosen."""
        return "launch/encounter" in self.scopes


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person approved: the scopes left selected, and the context of the launch as it was given or chosen.

    `context` are further members of the token response (`fhirContext`, `need_patient_banner`, `intent` …); `session` is
    the id of the session in which they approved.
    """

    person: Person
    auth_time: datetime
    scopes: tuple[str, ...]
    session: str
    patient: str | None = None
    encounter: str | None = None
    context: Mapping[str, object] = field(default_factory=dict)


async def validated(parameters: Parameters, clients: Clients, here: Addresses) -> AuthorizeRequest:
    """The request, when every rule is kept.

    Raises NotAnswerable when it cannot be known that an answer would reach the app, SentBack for any other fault.
    """
    single = {name: value for name, value in parameters if value}  # without a value is as if it was not sent
    client, redirect_uri = await _answerable(parameters, single, clients)
    state = single.get("state", "")

    def back(error: str, description: str) -> SentBack:
        return _back(redirect_uri, state, here, error, description)

    _check_form(parameters, single, back)
    _check_audience(single, here, back)
    if single.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(
        single.get("code_challenge", "")
    ):
        raise back("invalid_request", "Send code_challenge with code_challenge_method=S256.")
    scopes = tuple(dict.fromkeys(single.get("scope", "").split()))
    _check_scopes(scopes, single, back)
    return AuthorizeRequest(
        client=client,
        redirect_uri=redirect_uri,
        state=state,
        scopes=scopes,
        challenge=single["code_challenge"],
        launch=single.get("launch"),
        nonce=single.get("nonce"),
        prompt=_prompt(single, back),
        max_age=_max_age(single, back),
        login_hint=single.get("login_hint"),
    )


def grantable(
    request: AuthorizeRequest, person: Person, resources: Resources, *, patient: bool = True
) -> tuple[str, ...]:
    """The scopes that the person may grant the app; those of a patient only with one in the launch's context (`patient`)."""
    within = granted(request.scopes, request.client.scopes, resources, person)
    return within if patient else tuple(text for text in within if not _of_patient(text))


async def approve(
    request: AuthorizeRequest,
    approval: Approval,
    grants: Grants,
    resources: Resources,
    here: Addresses,
    now: datetime,
) -> str:
    """Where the browser is to go: to the app, with a code for what was approved and may be granted.

    The code is good once, for a minute. Raises SentBack when nothing is left that the app asked for.
    """
    possible = grantable(request, approval.person, resources, patient=approval.patient is not None)
    scopes = tuple(text for text in possible if text in approval.scopes)
    if request.scopes and not scopes:
        raise refused(request, here, "access_denied", "Nothing that the app asked for was granted.")
    code = tokens.token("code")
    lasting = "online_access" not in scopes or "offline_access" in scopes
    grant = Grant(
        id=str(uuid.uuid4()),
        client=request.client.id,
        user=approval.person.id,
        scopes=scopes,
        granted_at=now,
        auth_time=approval.auth_time,
        fhir_user=approval.person.fhir_user if "fhirUser" in scopes else None,
        patient=approval.patient,
        encounter=approval.encounter,
        context=approval.context,
        nonce=request.nonce,
        session=None if lasting else approval.session,
    )
    once = Once(tokens.sha256(code), "code", now + CODE_LIFE, request.redirect_uri, request.challenge)
    await grants.open(grant, once)
    return _redirect(request.redirect_uri, {"code": code, "state": request.state, "iss": here.issuer})


def refused(request: AuthorizeRequest, here: Addresses, error: str, description: str) -> SentBack:
    """What to raise, or send the browser to (`location`), when the request is refused, by `access_denied`, `login_required` or another."""
    return _back(request.redirect_uri, request.state, here, error, description)


async def _answerable(
    parameters: Parameters, single: Mapping[str, str], clients: Clients
) -> tuple[Client, str]:
    """The client and the address that answers may be sent to."""
    names = [name for name, _ in parameters]
    for name in ("client_id", "redirect_uri"):
        if names.count(name) != 1 or name not in single:
            raise NotAnswerable(f"The app's request must have {name} exactly once.")
    client = await clients.find(single["client_id"])
    if len(quote(single.get("state", ""), safe="")) > MAX_STATE:
        raise NotAnswerable(
            f"The app sends a state of more than {MAX_STATE} characters, as an address has them."
        )
    if client is None or client.disabled or client.backend:
        raise NotAnswerable("The app is not registered here. Ask the operator of this server to register it.")
    if not client.may_redirect_to(single["redirect_uri"]):
        raise NotAnswerable("The app asks to be answered at an address that is not registered for it.")
    return client, single["redirect_uri"]


def _check_form(parameters: Parameters, single: Mapping[str, str], back: Back) -> None:
    names = [name for name, _ in parameters]
    for name in _TAKEN_ONCE:
        if names.count(name) > 1:
            raise back("invalid_request", f"Send {name} once.")
    if not single.get("state"):
        raise back("invalid_request", "Send state, a value that cannot be guessed.")
    if len(urlencode(parameters)) > MAX_REQUEST:
        raise back("invalid_request", f"Send at most {MAX_REQUEST} characters, as an address has them.")
    if "request" in single:
        raise back("request_not_supported", "Send the parameters themselves, not as a request object.")
    if "request_uri" in single:
        raise back("request_uri_not_supported", "Send the parameters themselves, not by reference.")
    if not single.get("response_type"):
        raise back("invalid_request", "Send response_type=code.")
    if single["response_type"] != "code":
        raise back("unsupported_response_type", "Send response_type=code.")
    if single.get("response_mode", "query") != "query":
        raise back("invalid_request", "Leave response_mode out: the answer is in the query.")


def _check_audience(single: Mapping[str, str], here: Addresses, back: Back) -> None:
    """One final slash does not make another server of it."""
    named = [single[name] for name in ("aud", "resource") if name in single]
    if not named or any(url.removesuffix("/") != here.fhir for url in named):
        raise back("invalid_request", f"Send aud={here.fhir}, the server that the tokens are for.")


def _check_scopes(scopes: tuple[str, ...], single: Mapping[str, str], back: Back) -> None:
    if not scopes:
        raise back("invalid_scope", "Send scope.")
    if any(text.startswith("system/") for text in scopes):
        raise back("invalid_scope", "Scopes of system/ are for backend services. Ask for user/ or patient/.")
    if ("launch" in scopes) != bool(single.get("launch")):
        raise back("invalid_request", "The scope launch and the parameter launch go together.")


def _prompt(single: Mapping[str, str], back: Back) -> frozenset[str]:
    prompts = frozenset(single.get("prompt", "").split())
    if not prompts <= _PROMPTS:
        raise back("invalid_request", "prompt takes none, login, consent and select_account.")
    if "none" in prompts and len(prompts) > 1:
        raise back("invalid_request", "prompt=none goes with no other.")
    return prompts


def _max_age(single: Mapping[str, str], back: Back) -> int | None:
    given = single.get("max_age")
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", given):
        raise back("invalid_request", "max_age is a number of seconds.")
    return int(given)


def _of_patient(text: str) -> bool:
    found = scope(text)
    return text == "launch/patient" or (found is not None and found.level == "patient")


def _back(redirect_uri: str, state: str, here: Addresses, error: str, description: str) -> SentBack:
    answer = {"error": error, "error_description": description, "iss": here.issuer}
    return SentBack(_redirect(redirect_uri, answer | ({"state": state} if state else {})), error, description)


def _redirect(uri: str, answer: Mapping[str, str]) -> str:
    """`uri` with the answer behind the query that it was registered with."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer, quote_via=quote, safe='')}"
