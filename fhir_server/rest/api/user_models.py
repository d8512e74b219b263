"""What is sent to and comes from `/api/users`.

https://docs.pydantic.dev/latest/concepts/models/
"""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from fhir_server.rest.api.device_models import Line, Model


class ChangedUser(Model):
    """What holds of a user from now on: what is left out is taken away."""

    role: Line = Field(description="admin, practitioner or patient.")
    auditor: bool = Field(False, description="Whether they read the audit.")
    fhir_user: Line | None = Field(
        None,
        description="Who they are: a Practitioner, or for the role patient a Patient or RelatedPerson, that is here.",
    )
    proxies: list[Line] = Field(default=[], max_length=100, description="Further Patients they stand in for.")
    organizations: list[Line] = Field(
        default=[], max_length=100, description="The Organizations a practitioner works for."
    )


class NewUser(ChangedUser):
    """A user to be."""

    name: Line = Field(description="What they log in with: letters, digits, `.`, `_`, `@`, `-`.")
    password: SecretStr | None = Field(
        None,
        description="Their password; without it a one-time password is made, which they replace at once.",
    )


class User(BaseModel):
    """A person with an account."""

    name: str
    id: str
    role: Literal["admin", "practitioner", "patient"]
    auditor: bool
    fhir_user: str | None
    proxies: list[str]
    organizations: list[str]
    status: Literal["active", "disabled"]
    made: str | None
    one_time_password_until: str | None = Field(
        description="Until when their one-time password lasts; null once they chose their own."
    )


class Users(BaseModel):
    """A page of the users, by name."""

    users: list[User]
    next: str | None = Field(description="What to send as `after` for the next page; null on the last.")


class UserWithPassword(User):
    """A user, and their one-time password, which is shown this once."""

    one_time_password: str | None
