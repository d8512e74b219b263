import pytest

from smart_auth.bearer import Bearer, EveryoneLocal, StaticToken
from smart_auth.errors import CredentialsMissing, CredentialsRejected
from smart_auth.principal import Principal
from smart_auth.tokens import sha256

TOKEN = "s3cret-" * 6


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER {TOKEN} "])
async def test_the_token_is_let_in_with_every_scope(header):
    principal = await StaticToken(TOKEN, "fingerprint").authenticate(header)
    assert principal.grant == "fingerprint"
    assert (principal.administrator, principal.auditor) == (True, True)
    assert principal.scopes == {"system/*.cruds"}
    assert TOKEN not in repr(principal)


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", TOKEN, "Bearer"])
async def test_a_request_without_a_bearer_token_is_told_so(header):
    with pytest.raises(CredentialsMissing):
        await StaticToken(TOKEN).authenticate(header)


@pytest.mark.parametrize(
    "header", ["Bearer ", "Bearer x", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xe9"]
)
async def test_another_token_is_rejected(header):
    with pytest.raises(CredentialsRejected):
        await StaticToken(TOKEN).authenticate(header)


class Holders:
    """One access token that holds."""

    async def holder(self, digest):
        return CLARA if digest == sha256("fhir-at-good") else None


CLARA = Principal("user:clara", frozenset({"patient/*.rs"}))


async def test_an_access_token_stands_for_who_holds_it_and_any_other_is_the_operators_or_nobodys():
    bearer = Bearer(Holders(), StaticToken(TOKEN))
    assert await bearer.authenticate("Bearer fhir-at-good") == CLARA
    assert (await bearer.authenticate(f"Bearer {TOKEN}")).subject == "static-token"
    for header in ("Bearer fhir-at-bad", "Bearer fhir-at-", "Bearer fhir-rt-good", "Bearer good"):
        with pytest.raises(CredentialsRejected):
            await bearer.authenticate(header)
    with pytest.raises(CredentialsMissing):
        await bearer.authenticate("Basic fhir-at-good")


async def test_without_a_static_token_only_access_tokens_are_let_in():
    with pytest.raises(CredentialsRejected):
        await Bearer(Holders(), None).authenticate(f"Bearer {TOKEN}")


async def test_with_auth_off_everyone_is_one_principal():
    everyone = EveryoneLocal()
    assert await everyone.authenticate(None) == await everyone.authenticate("Bearer x")
