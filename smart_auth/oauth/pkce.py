"""The proof that who redeems a code is who asked for it: S256 alone, from every client.

https://www.rfc-editor.org/rfc/rfc7636
"""

from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc7636 import CodeChallenge

from smart_auth.oauth.code_grant import Presented


class S256(CodeChallenge):
    """The core's check, without `plain` and without exceptions for clients that prove themselves.

    That a request for approval has a challenge is seen to by `smart_auth.authorize`.
    """

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def get_authorization_code_challenge(self, authorization_code: Presented) -> str:
        """The challenge that the code was asked for with. Raises InvalidGrantError for a code without."""
        if not authorization_code.held.once.challenge:
            raise InvalidGrantError("The code was asked for without code_challenge.")
        return authorization_code.held.once.challenge

    def get_authorization_code_challenge_method(self, _: Presented) -> str:
        """The one that is taken."""
        return "S256"
