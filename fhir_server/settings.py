"""Every setting, from `FHIR_…` variables or a `.env` file.

https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The server's settings; each field's description is the documentation that `docs/settings.md` prints."""

    model_config = SettingsConfigDict(env_prefix="FHIR_", env_file=".env", extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "FHIR_DATABASE_URL"),
        description="PostgreSQL 15 or later as `postgresql://user:password@host/name`; unset means the embedded one.",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Folder of the embedded PostgreSQL, the key file and logs; a folder of the user's own by default.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    workers: int = Field(default=1, ge=1, le=64, description="Server processes.")
    auth: Literal["on", "off"] = Field(
        default="on",
        description="`off` lets everyone on this machine in and refuses any address but loopback.",
    )
    token: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="The operator's own bearer token, which lets in to everything; unset means that only tokens issued here do.",
    )
    practitioners: Literal["all", "own"] = Field(
        default="all",
        description="Whom practitioners see through apps: `all` patients, or their `own`, who name them or their Organization as "
        "their general practitioner, or have them or it in an active CareTeam.",
    )
    access_token_seconds: int = Field(
        default=3_600,
        ge=60,
        le=3_600,
        description="How long an access token lives that an app gets for a person; those of backend services live five minutes.",
    )
    refresh_token_days: int = Field(
        default=90,
        ge=1,
        description="How long an app with `offline_access` may leave its refresh token unused.",
    )
    refresh_grace_seconds: int = Field(
        default=10,
        ge=0,
        le=60,
        description="How long after its use a refresh token is taken again, as long as nothing that came of it was used: "
        "answers get lost, and apps ask twice at once. At any other time it ends the whole grant; 0 is never.",
    )
    grant_days: int = Field(
        default=30,
        ge=1,
        description="How long what was granted to an app is kept after its last use, or its end, once nothing under it can be used "
        "any more; what people agreed to stays.",
    )
    session_idle_minutes: int = Field(
        default=30,
        ge=1,
        description="How long people stay logged in who do nothing on the pages of this server.",
    )
    session_hours: int = Field(default=12, ge=1, description="How long people stay logged in at most.")
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#]+[^/?#]$",
        description="The public address of `/fhir` as clients see it, behind a proxy for example; else the request's own.",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="Base64 of 32 random bytes that encrypt device secrets and paging cursors and key the identities; "
        "unset means the file `master.key` in the data folder, made on first start. Never in the database.",
    )
    master_key_previous: SecretStr | None = Field(
        default=None,
        description="The master key before `FHIR_MASTER_KEY`, for as long as something may still be sealed under it: until "
        "`fhir-server key reseal` is done. A key in a file has it beside itself, as `master.key.previous`.",
    )
    blobs: str | None = Field(
        default=None,
        description="Where contents of more than 64 kB are kept: a folder, or `s3://bucket/prefix` of an S3-compatible store; "
        "unset means the folder `blobs` in the data folder.",
    )
    blobs_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#]+[^/?#]$",
        description="The address of an S3-compatible store that is not AWS; its buckets are addressed by path.",
    )
    blobs_region: str = Field(default="us-east-1", description="The region of the bucket.")
    blobs_key_id: str | None = Field(
        default=None,
        description="The access key of the bucket; unset means what AWS tools find: `AWS_…` variables or the machine's role.",
    )
    blobs_secret: SecretStr | None = Field(default=None, description="The secret of that access key.")
    cors_origins: tuple[str, ...] = Field(
        default=(), description='Origins that browsers may call from, as a JSON array; `["*"]` for any.'
    )
    max_body_bytes: int = Field(
        default=5_000_000, ge=1_000, description="Largest request body; beyond it 413."
    )
    max_file_bytes: int = Field(
        default=200_000_000,
        ge=1_000,
        description="Largest file, or files sent together, taken in from a device; beyond it 413.",
    )
    files_at_once: int = Field(
        default=2, ge=1, description="Files that each worker reads at once; others wait."
    )
    max_bundle_bytes: int = Field(
        default=50_000_000, ge=1_000, description="Largest body of a batch or transaction; beyond it 413."
    )
    max_bundle_entries: int = Field(
        default=5_000, ge=1, description="Most entries of a batch or transaction; beyond it 413."
    )
    max_binary_bytes: int = Field(
        default=50_000_000, ge=1_000, description="Largest content sent to `/Binary` as it is; beyond it 413."
    )
    body_seconds: float = Field(
        default=30,
        gt=0,
        description="How long a request body may take to come, and a second more for every 10 kB of it, and how long it may "
        "halt; beyond it 408.",
    )
    default_count: int = Field(
        default=50, ge=1, description="Entries on a search page when `_count` is absent."
    )
    max_count: int = Field(
        default=1_000, ge=1, description="Largest `_count`; more is cut to it, and `self` says so."
    )
    max_chain: int = Field(
        default=3, ge=1, le=8, description="Most steps of a chained search parameter; beyond it 400."
    )
    max_include: int = Field(
        default=1_000,
        ge=1,
        description="Most resources included beside the matches of a page; beyond it 400.",
    )
    handling: Literal["strict", "lenient"] = Field(
        default="strict",
        description="Unknown search parameters: `strict` answers 400, `lenient` ignores them and says so, "
        "unless the request's `Prefer: handling=…` decides.",
    )
    reference_integrity: Literal["on", "off"] = Field(
        default="off",
        description="`on` refuses a write through the REST API that refers to a resource of this server which is not there, "
        "and the deletion of one that others refer to.",
    )
    next_link_seconds: int = Field(
        default=3_600,
        ge=60,
        description="How long the next link of a search lasts that is too long for an address; other next links do not expire.",
    )
    statement_timeout_ms: int = Field(
        default=10_000, ge=100, description="Longest a search may run in the database."
    )
    pool_size: int = Field(default=8, ge=2, description="Database connections of each worker.")
    max_waiting: int = Field(
        default=1_000, ge=1, description="Requests in one worker at once; beyond it 429."
    )
    max_streams: int = Field(
        default=2_000,
        ge=1,
        description="Server-sent events and WebSockets open in one worker at once; beyond it 429.",
    )
    max_streams_each: int = Field(
        default=200,
        ge=1,
        description="Such streams that one app may have open in one worker for each of its users, and a service in all; "
        "beyond it 429.",
    )
    max_subscriptions_each: int = Field(
        default=1_000,
        ge=1,
        description="Subscriptions that are not `off` which one app may have for each of its users, and a service in all; one more is "
        "422. Administrators have as many as they like.",
    )
    device_rate: float = Field(
        default=50, gt=0, description="Signed requests a device may send a second, sustained."
    )
    device_burst: int = Field(default=200, ge=1, description="Signed requests a device may send at once.")
    client_rate: float | None = Field(
        default=None,
        gt=0,
        description="Requests a second, sustained, that an app may send for each of its users, and a service in all; beyond it 429. "
        "Unset means as many as they like.",
    )
    client_burst: int = Field(
        default=200,
        ge=1,
        description="Requests an app or a service may send at once, where `FHIR_CLIENT_RATE` is set.",
    )
    oauth_rate: float = Field(
        default=50,
        gt=0,
        description="Requests a second, sustained, to the pages and endpoints below `/oauth` from one address, or from one /64 of "
        "IPv6; beyond it 429.",
    )
    oauth_burst: int = Field(default=500, ge=1, description="Such requests at once.")
    login_rate: float = Field(
        default=1,
        gt=0,
        description="Passwords tried a second, sustained, from one address; those for one name are bounded beside it.",
    )
    login_burst: int = Field(default=100, ge=1, description="Passwords tried at once from one address.")
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description="Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, as a JSON array of networks "
        '`["127.0.0.1/32"]`; nobody else\'s are.',
    )
    outbound_allow: tuple[IPvAnyNetwork, ...] = Field(
        default=(),
        description="Networks beside the public Internet that addresses named by clients may lead to, as a JSON array "
        '`["10.2.0.0/16"]`: theirs may be `http://` too.',
    )
    device_api_keys: bool = Field(
        default=False,
        description="`true` takes requests of devices under an API key too, over HTTPS or from this machine; a device has "
        "none until an administrator makes one.",
    )
    profiles_dir: Path | None = Field(
        default=None,
        description="Folder of your own device types, a `.yaml` file each; read at start, which fails for one that is unsound.",
    )
    audit: Literal["on", "off"] = Field(
        default="on",
        description="`on` keeps a record of every interaction, login, token and refusal before it is answered, and answers "
        "nothing that cannot be recorded.",
    )
    audit_keep_months: int | None = Field(
        default=None,
        ge=1,
        description="Whole months of the audit that `fhir-server audit drop` leaves; unset means it drops none.",
    )
    event_days: int = Field(
        default=7,
        ge=1,
        description="Days that the events of subscriptions are kept for those who ask for them again.",
    )
    hook_error_after: int = Field(
        default=5,
        ge=1,
        description="Attempts in a row to notify an endpoint that may fail before its Subscription has the status `error`.",
    )
    hook_off_hours: float = Field(
        default=24,
        gt=0,
        description="How long an endpoint may take no notification, in which it is tried again and again, before its "
        "Subscription is `off`.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level logged."
    )
    log_file: Path | None = Field(
        default=None, description="File that log lines are appended to; unset means standard error."
    )

    @property
    def fhir_url(self) -> str:
        """The address of `/fhir` where no request tells it: the public one, else the one listened on."""
        return self.base_url or f"http://{self.host}:{self.port}/fhir"
