"""The endpoints for tokens: authlib's core put together with our grants, run in threads beside the loop.

https://docs.authlib.org/en/latest/oauth2/
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.errors import InvalidRequestError, OAuth2Error

from smart_auth.audit import Action, Event
from smart_auth.oauth.assertion import ASSERTION_TYPE
from smart_auth.oauth.authentication import authenticated, challenge
from smart_auth.oauth.backend_grant import BackendGrant
from smart_auth.oauth.code_grant import CodeGrant
from smart_auth.oauth.form import Form, FormRequest, Reply, refuse_repeated
from smart_auth.oauth.introspection import Introspection
from smart_auth.oauth.kept import Kept
from smart_auth.oauth.pkce import S256
from smart_auth.oauth.refresh_grant import RefreshGrant
from smart_auth.oauth.registered import Registered
from smart_auth.oauth.revocation import Revocation
from smart_auth.oauth.signed import signed

_THREADS: Final = 4

_Serve: TypeAlias = Callable[[FormRequest], Reply]


class Endpoints:
    """Answers forms; whatever is wrong with one is told as the RFCs have it. Failures of the ports are raised as they are."""

    def __init__(self, kept: Kept) -> None:
        self._core = _Core(kept)
        self._threads = ThreadPoolExecutor(_THREADS, "oauth")

    async def token(self, asked: Form) -> Reply:
        """Tokens for a code, a refresh token, or a backend."""
        action: Action = "refresh" if ("grant_type", "refresh_token") in asked.pairs else "token"
        return await self._served(asked, action, self._core.token)

    async def introspect(self, asked: Form) -> Reply:
        """What a token is worth."""
        return await self._served(
            asked, "introspect", lambda request: self._core.endpoint("introspection", request)
        )

    async def revoke(self, asked: Form) -> Reply:
        """Nothing, once the token does not hold any more."""
        return await self._served(asked, "revoke", lambda request: self._core.endpoint("revocation", request))

    def close(self) -> None:
        """Nothing; the threads end with what they do now."""
        self._threads.shutdown(wait=False)

    async def _served(self, asked: Form, action: Action, serve: _Serve) -> Reply:
        loop = asyncio.get_running_loop()
        request = FormRequest(asked, loop)
        if request.form.get("client_assertion_type") == ASSERTION_TYPE:
            request.signed = await signed(request.form.get("client_assertion", ""), self._core.kept)
        reply = await loop.run_in_executor(self._threads, serve, request)
        asked.recorder.note(_event(action, request, reply))
        return reply


class _Core(AuthorizationServer):
    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self.kept = kept
        self.register_grant(CodeGrant, [S256(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(BackendGrant)
        self.register_endpoint(Introspection)
        self.register_endpoint(Revocation)

    def token(self, request: FormRequest) -> Reply:
        """The answer of the token endpoint."""
        try:
            refuse_repeated(request)
            if not request.form.get("grant_type"):
                raise InvalidRequestError("Send grant_type.")
        except OAuth2Error as error:
            return self.handle_error_response(request, error)
        reply: Reply = self.create_token_response(request)
        return reply

    def endpoint(self, name: str, request: FormRequest) -> Reply:
        """The answer of another endpoint."""
        try:
            refuse_repeated(request)
        except OAuth2Error as error:
            return self.handle_error_response(request, error)
        reply: Reply = self.create_endpoint_response(name, request)
        return reply

    def authenticate_client(self, request: FormRequest, *_: object) -> Registered:
        return authenticated(request, self.kept)

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        return request

    def handle_response(self, status: int, body: dict[str, object], headers: list[tuple[str, str]]) -> Reply:
        return Reply(status, body, tuple(headers))

    def handle_error_response(self, request: FormRequest, error: OAuth2Error) -> Reply:
        status, body, headers = error()
        told = [(name, text) for name, text in headers if name != "WWW-Authenticate"]
        if status == 401:
            told.append(("WWW-Authenticate", challenge(request)))
        return self.handle_response(status, body, told)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


def _event(action: Action, request: FormRequest, reply: Reply) -> Event:
    """What the audit is told: who, and what came of it; no client that did not prove itself."""
    client = request.client.client.id if request.client is not None else None
    grant = request.grant
    user = None if grant is None else grant.user
    return Event(
        action=action,
        succeeded=reply.status < 400,
        subject=f"user:{user}" if user else f"client:{client}" if client else request.asked.trusted or "",
        client=client,
        user=user,
        fhir_user=None if grant is None else grant.fhir_user,
        patient=None if grant is None else grant.patient,
        reason=str(reply.body.get("error", "")),
    )
