CREATE TABLE oauth_client (
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    authentication TEXT COLLATE "C" NOT NULL,
    scopes TEXT[] COLLATE "C" NOT NULL,
    backend BOOLEAN NOT NULL,
    redirect_uris TEXT[] COLLATE "C" NOT NULL,
    launch_url TEXT COLLATE "C",
    jwks JSONB,
    jwks_uri TEXT COLLATE "C",
    native BOOLEAN NOT NULL,
    administration BOOLEAN NOT NULL,
    introspects BOOLEAN NOT NULL,
    registered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    disabled_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);

COMMENT ON TABLE oauth_client IS 'Apps and services that may ask for tokens, with the most that they may be granted.';

CREATE TABLE oauth_client_secret (
    sha256 BYTEA NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (sha256),
    FOREIGN KEY(client) REFERENCES oauth_client (id)
);

CREATE INDEX oauth_client_secret_client ON oauth_client_secret (client);

COMMENT ON TABLE oauth_client_secret IS 'Hashes of client secrets; of an old one until when it holds beside the new.';

CREATE TABLE oauth_grant (
    id TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    scopes TEXT[] COLLATE "C" NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    auth_time TIMESTAMP WITH TIME ZONE NOT NULL,
    fhir_user TEXT COLLATE "C",
    patient TEXT COLLATE "C",
    encounter TEXT COLLATE "C",
    context JSONB NOT NULL,
    nonce TEXT COLLATE "C",
    session TEXT COLLATE "C",
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(client) REFERENCES oauth_client (id)
);

CREATE INDEX oauth_grant_client ON oauth_grant (client);

CREATE INDEX oauth_grant_session ON oauth_grant (session) WHERE session IS NOT NULL AND revoked_at IS NULL;

CREATE INDEX oauth_grant_user ON oauth_grant (user_id) WHERE revoked_at IS NULL;

COMMENT ON TABLE oauth_grant IS 'What a person granted an app; with it ends every token under it. `session` where it ends with that.';

CREATE TABLE oauth_once (
    sha256 BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    grant_id TEXT COLLATE "C" NOT NULL,
    redirect_uri TEXT COLLATE "C",
    challenge TEXT COLLATE "C",
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    spent_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (sha256),
    FOREIGN KEY(grant_id) REFERENCES oauth_grant (id)
);

CREATE INDEX oauth_once_expires_at ON oauth_once (expires_at);

CREATE INDEX oauth_once_grant ON oauth_once (grant_id);

COMMENT ON TABLE oauth_once IS 'Hashes of codes and refresh tokens, each good once; one that comes again ends its grant.';

CREATE TABLE oauth_access (
    sha256 BYTEA NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    grant_id TEXT COLLATE "C",
    scopes TEXT[] COLLATE "C" NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (sha256),
    FOREIGN KEY(client) REFERENCES oauth_client (id),
    FOREIGN KEY(grant_id) REFERENCES oauth_grant (id)
);

CREATE INDEX oauth_access_expires_at ON oauth_access (expires_at);

CREATE INDEX oauth_access_grant ON oauth_access (grant_id);

COMMENT ON TABLE oauth_access IS 'Hashes of access tokens; without a grant those that a backend got for itself.';

CREATE TABLE oauth_assertion (
    client TEXT COLLATE "C" NOT NULL,
    jti_sha256 BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (client, jti_sha256)
);

CREATE INDEX oauth_assertion_expires_at ON oauth_assertion (expires_at);

COMMENT ON TABLE oauth_assertion IS 'Assertions that were used, until they would have expired anyway.';

CREATE TABLE oauth_key (
    kid TEXT COLLATE "C" NOT NULL,
    algorithm TEXT COLLATE "C" NOT NULL,
    public JSONB NOT NULL,
    sealed BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    retired_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (kid)
);

CREATE UNIQUE INDEX oauth_key_signing ON oauth_key (algorithm) WHERE retired_at IS NULL;

COMMENT ON TABLE oauth_key IS 'Keys that id_tokens are signed with: private parts under a key derived from the master key, which is not here.';

CREATE TABLE account (
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    auditor BOOLEAN NOT NULL,
    fhir_user TEXT COLLATE "C",
    proxies TEXT[] COLLATE "C" NOT NULL,
    organizations TEXT[] COLLATE "C" NOT NULL,
    password TEXT COLLATE "C" NOT NULL,
    password_until TIMESTAMP WITH TIME ZONE,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    disabled_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    UNIQUE (name)
);

COMMENT ON TABLE account IS 'People who may log in; `password` is an Argon2id hash, of a one-time password until it ends.';

CREATE TABLE login_attempt (
    name_sha256 BYTEA NOT NULL,
    failures INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    wait_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (name_sha256)
);

CREATE INDEX login_attempt_last_at ON login_attempt (last_at);

COMMENT ON TABLE login_attempt IS 'Passwords tried for a name, whether or not there is such an account; a right one forgets them.';

CREATE TABLE login_session (
    id TEXT COLLATE "C" NOT NULL,
    sha256 BYTEA NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (sha256),
    FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX login_session_account ON login_session (account);

CREATE INDEX login_session_ends_at ON login_session (ends_at);

COMMENT ON TABLE login_session IS 'Browsers in which somebody is logged in, by the hash of their cookie.';

CREATE TABLE app_launch (
    sha256 BYTEA NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    patient TEXT COLLATE "C",
    encounter TEXT COLLATE "C",
    context JSONB NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    session TEXT COLLATE "C",
    spent_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (sha256),
    FOREIGN KEY(account) REFERENCES account (id)
);

CREATE INDEX app_launch_ends_at ON app_launch (ends_at);

COMMENT ON TABLE app_launch IS 'What an EHR says of an app that it opens, by the hash of the handle; `session` once a user came with it.';

CREATE TABLE app_request (
    id TEXT COLLATE "C" NOT NULL,
    session TEXT COLLATE "C" NOT NULL,
    parameters JSONB NOT NULL,
    patient TEXT COLLATE "C",
    encounter TEXT COLLATE "C",
    encounter_chosen BOOLEAN DEFAULT false NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(session) REFERENCES login_session (id) ON DELETE CASCADE
);

CREATE INDEX app_request_ends_at ON app_request (ends_at);

CREATE INDEX app_request_session ON app_request (session);

COMMENT ON TABLE app_request IS 'What apps ask of people who are logged in and have yet to decide.';

CREATE TABLE app_consent (
    account TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    patient TEXT COLLATE "C" NOT NULL,
    scopes TEXT[] COLLATE "C" NOT NULL,
    agreed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (account, client, patient),
    FOREIGN KEY(account) REFERENCES account (id)
);

COMMENT ON TABLE app_consent IS 'What people agreed to, so that they are asked again only for more; `patient` is empty without one.';
