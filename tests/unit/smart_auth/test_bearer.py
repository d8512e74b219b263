import pytest

from smart_auth.bearer import EveryoneLocal, StaticToken
from smart_auth.errors import CredentialsMissing, CredentialsRejected

TOKEN = "s3cret-" * 6


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER {TOKEN} "])
async def test_the_token_is_let_in_with_every_scope(header):
    principal = await StaticToken(TOKEN).authenticate(header)
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


async def test_with_auth_off_everyone_is_one_principal():
    everyone = EveryoneLocal()
    assert await everyone.authenticate(None) == await everyone.authenticate("Bearer x")
