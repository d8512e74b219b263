--
-- PostgreSQL database dump
--


-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: audit_only_grows(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.audit_only_grows() RETURNS trigger
    LANGUAGE plpgsql
    AS $$BEGIN RAISE EXCEPTION USING MESSAGE = TG_OP || ' on ' || TG_TABLE_NAME || ': records of the audit are only ever added', ERRCODE = 'insufficient_privilege'; END$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: account; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    auditor boolean NOT NULL,
    fhir_user text COLLATE pg_catalog."C",
    proxies text[] NOT NULL COLLATE pg_catalog."C",
    organizations text[] NOT NULL COLLATE pg_catalog."C",
    password text NOT NULL COLLATE pg_catalog."C",
    password_until timestamp with time zone,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone
);


--
-- Name: TABLE account; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.account IS 'People who may log in; `password` is an Argon2id hash, of a one-time password until it ends.';


--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: app_consent; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.app_consent (
    account text NOT NULL COLLATE pg_catalog."C",
    client text NOT NULL COLLATE pg_catalog."C",
    patient text NOT NULL COLLATE pg_catalog."C",
    scopes text[] NOT NULL COLLATE pg_catalog."C",
    agreed_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE app_consent; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.app_consent IS 'What people agreed to, so that they are asked again only for more; `patient` is empty without one.';


--
-- Name: app_launch; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.app_launch (
    sha256 bytea NOT NULL,
    client text NOT NULL COLLATE pg_catalog."C",
    account text NOT NULL COLLATE pg_catalog."C",
    patient text COLLATE pg_catalog."C",
    encounter text COLLATE pg_catalog."C",
    context jsonb NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    session text COLLATE pg_catalog."C",
    spent_at timestamp with time zone
);


--
-- Name: TABLE app_launch; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.app_launch IS 'What an EHR says of an app that it opens, by the hash of the handle; `session` once a user came with it.';


--
-- Name: app_request; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.app_request (
    id text NOT NULL COLLATE pg_catalog."C",
    session text NOT NULL COLLATE pg_catalog."C",
    parameters jsonb NOT NULL,
    patient text COLLATE pg_catalog."C",
    encounter text COLLATE pg_catalog."C",
    encounter_chosen boolean DEFAULT false NOT NULL,
    ends_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE app_request; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.app_request IS 'What apps ask of people who are logged in and have yet to decide.';


--
-- Name: audit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit (
    id uuid NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    outcome smallint NOT NULL,
    subject text NOT NULL COLLATE pg_catalog."C",
    who text COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    entity text NOT NULL COLLATE pg_catalog."C",
    patient text COLLATE pg_catalog."C",
    detail json NOT NULL
)
PARTITION BY RANGE (id);


--
-- Name: TABLE audit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.audit IS 'What happened, by whom; `id` is a UUIDv7, whose time is when. Partitioned by month; rows are only added.';


--
-- Name: audit_seal; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_seal (
    number bigint NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    ids uuid[] NOT NULL,
    hashes bytea NOT NULL,
    first uuid,
    last uuid,
    dropped_below uuid,
    digest bytea NOT NULL,
    mac bytea NOT NULL
);
ALTER TABLE ONLY public.audit_seal ALTER COLUMN ids SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.audit_seal ALTER COLUMN hashes SET STORAGE EXTERNAL;


--
-- Name: TABLE audit_seal; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.audit_seal IS 'Batches of records by their hashes, each chained to the one before; `mac` is under a key that is not here.';


--
-- Name: audit_sealing; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_sealing (
    one boolean DEFAULT true NOT NULL,
    snapshot text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT audit_sealing_one CHECK (one)
);


--
-- Name: TABLE audit_sealing; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.audit_sealing IS 'One row: what was visible when records were last sealed; whoever seals holds it.';


--
-- Name: blob; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.blob (
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    noted_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE blob; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.blob IS 'Every content that the blob store may hold, noted before it gets there, and again whenever it is written once more.';


--
-- Name: change_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.change_log (
    seq bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    type smallint NOT NULL,
    rid bigint NOT NULL,
    version integer NOT NULL,
    last_updated timestamp with time zone NOT NULL
);


--
-- Name: TABLE change_log; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.change_log IS 'One row per version, written in its transaction; feeds history, export and subscriptions.';


--
-- Name: change_log_seq_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.change_log ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.change_log_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: code_set; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.code_set (
    key bigint NOT NULL,
    codings text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: TABLE code_set; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.code_set IS 'A number for each distinct set of codings that a resource''s `code` carries, as sorted lines `system|code`.';


--
-- Name: code_set_coding; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.code_set_coding (
    system text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    code_set bigint NOT NULL
);


--
-- Name: TABLE code_set_coding; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.code_set_coding IS 'The members of each code_set, so that any one coding of a resource finds it through an ordered index.';


--
-- Name: code_set_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.code_set ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.code_set_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: dead_letter; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.dead_letter (
    number bigint NOT NULL,
    device text COLLATE pg_catalog."C",
    format text NOT NULL COLLATE pg_catalog."C",
    sha256 bytea NOT NULL,
    payload bytea,
    received_at timestamp with time zone NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    last_at timestamp with time zone NOT NULL,
    issues jsonb NOT NULL,
    stored_as text[] COLLATE pg_catalog."C"
);


--
-- Name: TABLE dead_letter; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.dead_letter IS 'Readings that were rejected: their bytes as they came and why; `stored_as` once a retry stored them.';


--
-- Name: dead_letter_number_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.dead_letter ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.dead_letter_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: device; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device (
    key bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    id text NOT NULL COLLATE pg_catalog."C",
    profile text NOT NULL COLLATE pg_catalog."C",
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    removed_at timestamp with time zone,
    metrics text COLLATE pg_catalog."C",
    state jsonb,
    told_seen_at timestamp with time zone
);


--
-- Name: TABLE device; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.device IS 'Devices that may send readings: `name` is what they call themselves, `id` their Device resource.';


--
-- Name: device_api_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_api_key (
    id text NOT NULL COLLATE pg_catalog."C",
    device bigint NOT NULL,
    sha256 bytea NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    valid_until timestamp with time zone
);


--
-- Name: TABLE device_api_key; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.device_api_key IS 'Keys of devices that cannot sign, found by their public id; of the rest there is a hash only.';


--
-- Name: device_assignment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_assignment (
    use_id text NOT NULL COLLATE pg_catalog."C",
    device bigint NOT NULL,
    patient text NOT NULL COLLATE pg_catalog."C",
    period tstzrange NOT NULL
);


--
-- Name: TABLE device_assignment; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.device_assignment IS 'Derived from the DeviceUseStatement `use_id` in the same transaction; the statement is the truth.';


--
-- Name: device_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.device ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.device_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: device_rate; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.device_rate (
    device bigint NOT NULL,
    tokens double precision NOT NULL,
    filled_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE device_rate; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.device_rate IS 'A token bucket per device; lost in a crash, which fills it.';


--
-- Name: device_secret; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_secret (
    device bigint NOT NULL,
    key_id integer NOT NULL,
    sealed bytea NOT NULL,
    valid_until timestamp with time zone
);


--
-- Name: TABLE device_secret; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.device_secret IS 'AES-GCM under a key derived from the master key, which is not in this database.';


--
-- Name: ingested_file; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ingested_file (
    device bigint NOT NULL,
    sha256 bytea NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    format text NOT NULL COLLATE pg_catalog."C",
    received timestamp with time zone NOT NULL,
    claimed_until timestamp with time zone,
    finished timestamp with time zone,
    summary jsonb
);


--
-- Name: TABLE ingested_file; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.ingested_file IS 'Files by the device that wrote them and their hash: claimed while one is being read, with its summary once all of it is stored.';


--
-- Name: job; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job (
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    asked_by text NOT NULL COLLATE pg_catalog."C",
    parameters jsonb NOT NULL,
    created timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    started timestamp with time zone,
    ended timestamp with time zone,
    lease_until timestamp with time zone,
    worker text COLLATE pg_catalog."C",
    "position" bigint DEFAULT 0 NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    failures jsonb DEFAULT '[]'::jsonb NOT NULL,
    error text COLLATE pg_catalog."C"
);


--
-- Name: TABLE job; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.job IS 'Work in the background, which any process goes on with when the one that did it has died.';


--
-- Name: kept_search; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.kept_search (
    id bytea NOT NULL,
    sealed bytea NOT NULL,
    expires timestamp with time zone NOT NULL
);


--
-- Name: TABLE kept_search; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.kept_search IS 'Searches too long for the link to their next page, encrypted, until they expire.';


--
-- Name: login_attempt; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.login_attempt (
    name_sha256 bytea NOT NULL,
    failures integer NOT NULL,
    last_at timestamp with time zone NOT NULL,
    wait_until timestamp with time zone
);


--
-- Name: TABLE login_attempt; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.login_attempt IS 'Passwords tried for a name, whether or not there is such an account; a right one forgets them.';


--
-- Name: login_session; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.login_session (
    id text NOT NULL COLLATE pg_catalog."C",
    sha256 bytea NOT NULL,
    account text NOT NULL COLLATE pg_catalog."C",
    began_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE login_session; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.login_session IS 'Browsers in which somebody is logged in, by the hash of their cookie.';


--
-- Name: oauth_access; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_access (
    sha256 bytea NOT NULL,
    client text NOT NULL COLLATE pg_catalog."C",
    grant_id text COLLATE pg_catalog."C",
    scopes text[] NOT NULL COLLATE pg_catalog."C",
    issued_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE oauth_access; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.oauth_access IS 'Hashes of access tokens; without a grant those that a backend got for itself.';


--
-- Name: oauth_assertion; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_assertion (
    client text NOT NULL COLLATE pg_catalog."C",
    jti_sha256 bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE oauth_assertion; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.oauth_assertion IS 'Assertions that were used, until they would have expired anyway.';


--
-- Name: oauth_client; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_client (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    authentication text NOT NULL COLLATE pg_catalog."C",
    scopes text[] NOT NULL COLLATE pg_catalog."C",
    backend boolean NOT NULL,
    redirect_uris text[] NOT NULL COLLATE pg_catalog."C",
    launch_url text COLLATE pg_catalog."C",
    jwks jsonb,
    jwks_uri text COLLATE pg_catalog."C",
    native boolean NOT NULL,
    administration boolean NOT NULL,
    introspects boolean NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone
);


--
-- Name: TABLE oauth_client; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.oauth_client IS 'Apps and services that may ask for tokens, with the most that they may be granted.';


--
-- Name: oauth_client_secret; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_client_secret (
    sha256 bytea NOT NULL,
    client text NOT NULL COLLATE pg_catalog."C",
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    valid_until timestamp with time zone
);


--
-- Name: TABLE oauth_client_secret; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.oauth_client_secret IS 'Hashes of client secrets; of an old one until when it holds beside the new.';


--
-- Name: oauth_grant; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_grant (
    id text NOT NULL COLLATE pg_catalog."C",
    client text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    scopes text[] NOT NULL COLLATE pg_catalog."C",
    granted_at timestamp with time zone NOT NULL,
    auth_time timestamp with time zone NOT NULL,
    fhir_user text COLLATE pg_catalog."C",
    patient text COLLATE pg_catalog."C",
    encounter text COLLATE pg_catalog."C",
    context jsonb NOT NULL,
    nonce text COLLATE pg_catalog."C",
    session text COLLATE pg_catalog."C",
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone
);


--
-- Name: TABLE oauth_grant; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.oauth_grant IS 'What a person granted an app; with it ends every token under it. `session` where it ends with that.';


--
-- Name: oauth_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_key (
    kid text NOT NULL COLLATE pg_catalog."C",
    algorithm text NOT NULL COLLATE pg_catalog."C",
    public jsonb NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone
);


--
-- Name: TABLE oauth_key; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.oauth_key IS 'Keys that id_tokens are signed with: private parts under a key derived from the master key, which is not here.';


--
-- Name: oauth_once; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_once (
    sha256 bytea NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    grant_id text NOT NULL COLLATE pg_catalog."C",
    redirect_uri text COLLATE pg_catalog."C",
    challenge text COLLATE pg_catalog."C",
    expires_at timestamp with time zone NOT NULL,
    spent_at timestamp with time zone
);


--
-- Name: TABLE oauth_once; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.oauth_once IS 'Hashes of codes and refresh tokens, each good once; one that comes again ends its grant.';


--
-- Name: patient_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.patient_key (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: TABLE patient_key; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.patient_key IS 'A number for each Patient id that any resource is about, whether or not that Patient exists here.';


--
-- Name: patient_key_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.patient_key ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.patient_key_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: patient_mention; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.patient_mention (
    patient bigint NOT NULL,
    type smallint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: TABLE patient_mention; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.patient_mention IS 'Resources that belong to no patient, but that the data of one (patient_key) name: who may see the record may see them.';


--
-- Name: rate_bucket; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.rate_bucket (
    key bytea NOT NULL,
    taken integer NOT NULL,
    full_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE rate_bucket; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.rate_bucket IS 'Token buckets of callers other than devices, under a hash of who they are; one that is full again, or lost in a crash, is as good as none.';


--
-- Name: resource; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.resource (
    rid bigint NOT NULL,
    type smallint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    version integer NOT NULL,
    method text NOT NULL COLLATE pg_catalog."C",
    last_updated timestamp with time zone NOT NULL,
    patient bigint,
    code_set bigint,
    date_lo timestamp with time zone,
    date_hi timestamp with time zone,
    value_lo numeric,
    value_hi numeric,
    value_unit bigint,
    tokens bigint[] NOT NULL,
    fingerprint bigint,
    deleted boolean DEFAULT false NOT NULL,
    body jsonb
)
WITH (autovacuum_analyze_scale_factor='0.05', autovacuum_vacuum_insert_scale_factor='0.2');
ALTER TABLE ONLY public.resource ALTER COLUMN tokens SET STATISTICS 100;
ALTER TABLE ONLY public.resource ALTER COLUMN body SET STATISTICS 0;


--
-- Name: TABLE resource; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.resource IS 'The current version of every resource; `(type, id)` is its key, a deleted one keeps its row without a body.';


--
-- Name: resource_date; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.resource_date (
    rid bigint NOT NULL,
    param integer NOT NULL,
    lo timestamp with time zone NOT NULL,
    hi timestamp with time zone NOT NULL
);


--
-- Name: resource_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.resource_history (
    rid bigint NOT NULL,
    version integer NOT NULL,
    method text NOT NULL COLLATE pg_catalog."C",
    last_updated timestamp with time zone NOT NULL,
    body jsonb
);


--
-- Name: TABLE resource_history; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.resource_history IS 'Versions that were replaced; a create writes nothing here.';


--
-- Name: resource_number; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.resource_number (
    rid bigint NOT NULL,
    param integer NOT NULL,
    unit bigint,
    lo numeric NOT NULL,
    hi numeric NOT NULL,
    code_set bigint
);


--
-- Name: TABLE resource_number; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.resource_number IS 'Numbers (unit NULL) and quantities beyond the resource''s own value columns; `code_set` of the same component.';


--
-- Name: resource_rid; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.resource_rid
    START WITH 1
    INCREMENT BY 1000
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: resource_rid_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.resource_rid_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: resource_rid_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.resource_rid_seq OWNED BY public.resource.rid;


--
-- Name: resource_string; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.resource_string (
    rid bigint NOT NULL,
    param integer NOT NULL,
    folded text NOT NULL COLLATE pg_catalog."C",
    exact text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: search_index; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.search_index (
    version integer NOT NULL
);


--
-- Name: TABLE search_index; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.search_index IS 'One row: the form of the index that every resource is known to have (search/index.py: INDEX_VERSION).';


--
-- Name: seen_request; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.seen_request (
    device bigint NOT NULL,
    signature bytea NOT NULL,
    claimed_until timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    status smallint,
    body bytea
);


--
-- Name: TABLE seen_request; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.seen_request IS 'Signatures of the last minutes and their answers; lost in a crash, after which identities still hold.';


--
-- Name: subscription; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.subscription (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    owner_key text NOT NULL COLLATE pg_catalog."C",
    owner jsonb NOT NULL,
    asked jsonb NOT NULL,
    headers bytea,
    state text NOT NULL COLLATE pg_catalog."C",
    error text COLLATE pg_catalog."C",
    since pg_snapshot NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone
);


--
-- Name: TABLE subscription; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.subscription IS 'Every Subscription that was ever accepted, whose it is and how far it is on its way; `asked` is what it asks for, `headers` what its endpoint is sent, sealed.';


--
-- Name: subscription_binding; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.subscription_binding (
    sha256 bytea NOT NULL,
    subscriptions text[] NOT NULL,
    owner_key text NOT NULL COLLATE pg_catalog."C",
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE subscription_binding; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.subscription_binding IS 'Hashes of tokens that bind a WebSocket to subscriptions, until they expire.';


--
-- Name: subscription_cursor; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.subscription_cursor (
    snapshot pg_snapshot NOT NULL,
    epoch bigint NOT NULL,
    leader text COLLATE pg_catalog."C",
    lease_until timestamp with time zone,
    sends_from text COLLATE pg_catalog."C"
);


--
-- Name: TABLE subscription_cursor; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.subscription_cursor IS 'One row: how far the change log was matched, which process may go on with it, and the cluster that notifications are sent from (null: none).';


--
-- Name: subscription_event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.subscription_event (
    subscription bigint NOT NULL,
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    change text NOT NULL COLLATE pg_catalog."C",
    type smallint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    rid bigint,
    version integer
);


--
-- Name: TABLE subscription_event; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.subscription_event IS 'What happened that a subscription asked for, numbered from 1 without gaps; kept for a configured time.';


--
-- Name: subscription_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.subscription ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.subscription_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: subscription_progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.subscription_progress (
    subscription bigint NOT NULL,
    numbered bigint DEFAULT 0 NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    sending bigint DEFAULT 0 NOT NULL,
    greeted boolean DEFAULT false NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    last_sent_at timestamp with time zone,
    due_at timestamp with time zone NOT NULL,
    lease_owner text COLLATE pg_catalog."C",
    lease_until timestamp with time zone
)
WITH (fillfactor='50');


--
-- Name: TABLE subscription_progress; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.subscription_progress IS 'The last number given to an event of each subscription, the last one its endpoint took, the last one under way, and when something is to be sent next: infinity where nothing is.';


--
-- Name: subscription_set_aside; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.subscription_set_aside (
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    subscription bigint,
    change text COLLATE pg_catalog."C",
    type smallint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    rid bigint,
    version integer,
    reason text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: TABLE subscription_set_aside; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.subscription_set_aside IS 'Changes that could not be held against a subscription (null: against any), for a failure of the server, and where it failed; kept as long as events.';


--
-- Name: token_text; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.token_text (
    token bigint NOT NULL,
    place integer NOT NULL,
    param integer NOT NULL,
    folded text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: TABLE token_text; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.token_text IS 'The texts of codes, identifiers and URLs, folded, by the token that resources with them carry; those of one element share it.';


--
-- Name: unit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.unit (
    hash bigint NOT NULL,
    system text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL COLLATE pg_catalog."C",
    display text NOT NULL COLLATE pg_catalog."C",
    dimension text COLLATE pg_catalog."C",
    factor numeric,
    shift numeric,
    divisor numeric
);


--
-- Name: TABLE unit; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.unit IS 'Every unit that quantities carry; `(value * factor + shift) / divisor` is in the base units of `dimension`, if UCUM has one.';


--
-- Name: resource rid; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.resource ALTER COLUMN rid SET DEFAULT nextval('public.resource_rid_seq'::regclass);


--
-- Name: account account_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_name_key UNIQUE (name);


--
-- Name: account account_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: app_consent app_consent_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.app_consent
    ADD CONSTRAINT app_consent_pkey PRIMARY KEY (account, client, patient);


--
-- Name: app_launch app_launch_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.app_launch
    ADD CONSTRAINT app_launch_pkey PRIMARY KEY (sha256);


--
-- Name: app_request app_request_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.app_request
    ADD CONSTRAINT app_request_pkey PRIMARY KEY (id);


--
-- Name: audit audit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);


--
-- Name: audit_seal audit_seal_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pkey PRIMARY KEY (number);


--
-- Name: audit_sealing audit_sealing_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_sealing
    ADD CONSTRAINT audit_sealing_pkey PRIMARY KEY (one);


--
-- Name: blob blob_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (sha256);


--
-- Name: change_log change_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.change_log
    ADD CONSTRAINT change_log_pkey PRIMARY KEY (last_updated, seq);


--
-- Name: code_set_coding code_set_coding_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.code_set_coding
    ADD CONSTRAINT code_set_coding_pkey PRIMARY KEY (code, system, code_set);


--
-- Name: code_set code_set_codings_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.code_set
    ADD CONSTRAINT code_set_codings_key UNIQUE (codings);


--
-- Name: code_set code_set_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.code_set
    ADD CONSTRAINT code_set_pkey PRIMARY KEY (key);


--
-- Name: dead_letter dead_letter_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (number);


--
-- Name: device_api_key device_api_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_api_key
    ADD CONSTRAINT device_api_key_pkey PRIMARY KEY (id);


--
-- Name: device_assignment device_assignment_overlap; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_assignment
    ADD CONSTRAINT device_assignment_overlap EXCLUDE USING gist (int8range(device, device, '[]'::text) WITH &&, period WITH &&);


--
-- Name: device_assignment device_assignment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_assignment
    ADD CONSTRAINT device_assignment_pkey PRIMARY KEY (use_id);


--
-- Name: device device_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_id_key UNIQUE (id);


--
-- Name: device device_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_name_key UNIQUE (name);


--
-- Name: device device_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_pkey PRIMARY KEY (key);


--
-- Name: device_rate device_rate_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_rate
    ADD CONSTRAINT device_rate_pkey PRIMARY KEY (device);


--
-- Name: device_secret device_secret_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_secret
    ADD CONSTRAINT device_secret_pkey PRIMARY KEY (device, key_id);


--
-- Name: ingested_file ingested_file_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ingested_file
    ADD CONSTRAINT ingested_file_pkey PRIMARY KEY (device, sha256);


--
-- Name: job job_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);


--
-- Name: kept_search kept_search_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kept_search
    ADD CONSTRAINT kept_search_pkey PRIMARY KEY (id);


--
-- Name: login_attempt login_attempt_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_attempt
    ADD CONSTRAINT login_attempt_pkey PRIMARY KEY (name_sha256);


--
-- Name: login_session login_session_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_session
    ADD CONSTRAINT login_session_pkey PRIMARY KEY (id);


--
-- Name: login_session login_session_sha256_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_session
    ADD CONSTRAINT login_session_sha256_key UNIQUE (sha256);


--
-- Name: oauth_access oauth_access_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_access
    ADD CONSTRAINT oauth_access_pkey PRIMARY KEY (sha256);


--
-- Name: oauth_assertion oauth_assertion_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_assertion
    ADD CONSTRAINT oauth_assertion_pkey PRIMARY KEY (client, jti_sha256);


--
-- Name: oauth_client oauth_client_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_client
    ADD CONSTRAINT oauth_client_pkey PRIMARY KEY (id);


--
-- Name: oauth_client_secret oauth_client_secret_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_client_secret
    ADD CONSTRAINT oauth_client_secret_pkey PRIMARY KEY (sha256);


--
-- Name: oauth_grant oauth_grant_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_grant
    ADD CONSTRAINT oauth_grant_pkey PRIMARY KEY (id);


--
-- Name: oauth_key oauth_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_key
    ADD CONSTRAINT oauth_key_pkey PRIMARY KEY (kid);


--
-- Name: oauth_once oauth_once_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_once
    ADD CONSTRAINT oauth_once_pkey PRIMARY KEY (sha256);


--
-- Name: patient_key patient_key_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.patient_key
    ADD CONSTRAINT patient_key_id_key UNIQUE (id);


--
-- Name: patient_key patient_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.patient_key
    ADD CONSTRAINT patient_key_pkey PRIMARY KEY (key);


--
-- Name: patient_mention patient_mention_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.patient_mention
    ADD CONSTRAINT patient_mention_pkey PRIMARY KEY (patient, type, id);


--
-- Name: rate_bucket rate_bucket_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rate_bucket
    ADD CONSTRAINT rate_bucket_pkey PRIMARY KEY (key);


--
-- Name: resource_history resource_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.resource_history
    ADD CONSTRAINT resource_history_pkey PRIMARY KEY (rid, version);


--
-- Name: resource resource_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_pkey PRIMARY KEY (rid);


--
-- Name: resource resource_type_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_type_id UNIQUE (type, id);


--
-- Name: seen_request seen_request_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.seen_request
    ADD CONSTRAINT seen_request_pkey PRIMARY KEY (device, signature);


--
-- Name: subscription_binding subscription_binding_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscription_binding
    ADD CONSTRAINT subscription_binding_pkey PRIMARY KEY (sha256);


--
-- Name: subscription_event subscription_event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscription_event
    ADD CONSTRAINT subscription_event_pkey PRIMARY KEY (subscription, number);


--
-- Name: subscription subscription_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscription
    ADD CONSTRAINT subscription_id UNIQUE (id);


--
-- Name: subscription subscription_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscription
    ADD CONSTRAINT subscription_pkey PRIMARY KEY (key);


--
-- Name: subscription_progress subscription_progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.subscription_progress
    ADD CONSTRAINT subscription_progress_pkey PRIMARY KEY (subscription);


--
-- Name: token_text token_text_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.token_text
    ADD CONSTRAINT token_text_pkey PRIMARY KEY (token, place);


--
-- Name: unit unit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unit
    ADD CONSTRAINT unit_pkey PRIMARY KEY (hash);


--
-- Name: app_launch_ends_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX app_launch_ends_at ON public.app_launch USING btree (ends_at);


--
-- Name: app_request_ends_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX app_request_ends_at ON public.app_request USING btree (ends_at);


--
-- Name: app_request_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX app_request_session ON public.app_request USING btree (session);


--
-- Name: audit_entity; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_entity ON ONLY public.audit USING btree (entity, id) WHERE (entity <> ''::text);


--
-- Name: audit_patient; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_patient ON ONLY public.audit USING btree (patient, id) WHERE (patient IS NOT NULL);


--
-- Name: audit_seal_last; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_seal_last ON public.audit_seal USING btree (last);


--
-- Name: audit_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_subject ON ONLY public.audit USING btree (subject, id);


--
-- Name: audit_who; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_who ON ONLY public.audit USING btree (who, id) WHERE (who IS NOT NULL);


--
-- Name: audit_xid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_xid ON ONLY public.audit USING btree (xid);


--
-- Name: change_log_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX change_log_type ON public.change_log USING btree (type, last_updated, seq);


--
-- Name: change_log_xid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX change_log_xid ON public.change_log USING btree (xid);


--
-- Name: dead_letter_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX dead_letter_waiting ON public.dead_letter USING btree (COALESCE(device, ''::text), sha256) WHERE (stored_as IS NULL);


--
-- Name: device_api_key_device; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX device_api_key_device ON public.device_api_key USING btree (device);


--
-- Name: device_assignment_patient; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX device_assignment_patient ON public.device_assignment USING btree (patient);


--
-- Name: kept_search_expires; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX kept_search_expires ON public.kept_search USING btree (expires);


--
-- Name: login_attempt_last_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_attempt_last_at ON public.login_attempt USING btree (last_at);


--
-- Name: login_session_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_session_account ON public.login_session USING btree (account);


--
-- Name: login_session_ends_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_session_ends_at ON public.login_session USING btree (ends_at);


--
-- Name: oauth_access_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_access_expires_at ON public.oauth_access USING btree (expires_at);


--
-- Name: oauth_access_grant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_access_grant ON public.oauth_access USING btree (grant_id);


--
-- Name: oauth_assertion_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_assertion_expires_at ON public.oauth_assertion USING btree (expires_at);


--
-- Name: oauth_client_secret_client; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_client_secret_client ON public.oauth_client_secret USING btree (client);


--
-- Name: oauth_grant_client; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_grant_client ON public.oauth_grant USING btree (client);


--
-- Name: oauth_grant_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_grant_session ON public.oauth_grant USING btree (session) WHERE ((session IS NOT NULL) AND (revoked_at IS NULL));


--
-- Name: oauth_grant_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_grant_user ON public.oauth_grant USING btree (user_id) WHERE (revoked_at IS NULL);


--
-- Name: oauth_key_signing; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX oauth_key_signing ON public.oauth_key USING btree (algorithm) WHERE (retired_at IS NULL);


--
-- Name: oauth_once_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_once_expires_at ON public.oauth_once USING btree (expires_at);


--
-- Name: oauth_once_grant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX oauth_once_grant ON public.oauth_once USING btree (grant_id);


--
-- Name: resource_code_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_code_date ON public.resource USING btree (type, code_set, date_lo DESC, rid);


--
-- Name: resource_date_rid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_date_rid ON public.resource_date USING btree (rid, param);


--
-- Name: resource_date_value; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_date_value ON public.resource_date USING btree (param, lo, rid);


--
-- Name: resource_last_updated; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_last_updated ON public.resource USING btree (type, last_updated, rid);


--
-- Name: resource_number_rid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_number_rid ON public.resource_number USING btree (rid, param);


--
-- Name: resource_number_value; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_number_value ON public.resource_number USING btree (param, lo, rid);


--
-- Name: resource_patient_code_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_patient_code_date ON public.resource USING btree (type, patient, code_set, date_lo DESC, rid);


--
-- Name: resource_patient_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_patient_date ON public.resource USING btree (type, ((patient + 0)), date_lo DESC, rid);


--
-- Name: resource_string_rid; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_string_rid ON public.resource_string USING btree (rid, param);


--
-- Name: resource_string_value; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_string_value ON public.resource_string USING btree (param, "left"(folded, 200), rid);


--
-- Name: resource_tokens; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_tokens ON public.resource USING gin (tokens) WITH (gin_pending_list_limit='256');


--
-- Name: resource_type_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_type_date ON public.resource USING btree (type, date_lo DESC, rid);


--
-- Name: resource_wide_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX resource_wide_date ON public.resource USING btree (type, patient, date_lo DESC, rid) WHERE (tokens @> '{5477951415758571691}'::bigint[]);


--
-- Name: seen_request_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX seen_request_expires_at ON public.seen_request USING btree (expires_at);


--
-- Name: subscription_binding_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscription_binding_expires_at ON public.subscription_binding USING btree (expires_at);


--
-- Name: subscription_event_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscription_event_at ON public.subscription_event USING btree (at);


--
-- Name: subscription_owner_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscription_owner_key ON public.subscription USING btree (owner_key);


--
-- Name: subscription_progress_due_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscription_progress_due_at ON public.subscription_progress USING btree (due_at);


--
-- Name: subscription_set_aside_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX subscription_set_aside_at ON public.subscription_set_aside USING btree (at);


--
-- Name: token_text_value; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX token_text_value ON public.token_text USING btree (param, "left"(folded, 200));


--
-- Name: resource_correlations; Type: STATISTICS; Schema: public; Owner: -
--

CREATE STATISTICS public.resource_correlations ON type, patient, code_set FROM public.resource;


--
-- Name: audit audit_is_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.audit_only_grows();


--
-- Name: audit_seal audit_is_not_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON public.audit_seal FOR EACH STATEMENT EXECUTE FUNCTION public.audit_only_grows();


--
-- Name: audit audit_only_grows; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_only_grows BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.audit_only_grows();


--
-- Name: audit_seal audit_only_grows; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_only_grows BEFORE DELETE OR UPDATE ON public.audit_seal FOR EACH ROW EXECUTE FUNCTION public.audit_only_grows();


--
-- Name: app_consent app_consent_account_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.app_consent
    ADD CONSTRAINT app_consent_account_fkey FOREIGN KEY (account) REFERENCES public.account(id);


--
-- Name: app_launch app_launch_account_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.app_launch
    ADD CONSTRAINT app_launch_account_fkey FOREIGN KEY (account) REFERENCES public.account(id);


--
-- Name: app_request app_request_session_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.app_request
    ADD CONSTRAINT app_request_session_fkey FOREIGN KEY (session) REFERENCES public.login_session(id) ON DELETE CASCADE;


--
-- Name: device_api_key device_api_key_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_api_key
    ADD CONSTRAINT device_api_key_device_fkey FOREIGN KEY (device) REFERENCES public.device(key);


--
-- Name: device_assignment device_assignment_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_assignment
    ADD CONSTRAINT device_assignment_device_fkey FOREIGN KEY (device) REFERENCES public.device(key);


--
-- Name: device_secret device_secret_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_secret
    ADD CONSTRAINT device_secret_device_fkey FOREIGN KEY (device) REFERENCES public.device(key);


--
-- Name: ingested_file ingested_file_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ingested_file
    ADD CONSTRAINT ingested_file_device_fkey FOREIGN KEY (device) REFERENCES public.device(key);


--
-- Name: login_session login_session_account_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_session
    ADD CONSTRAINT login_session_account_fkey FOREIGN KEY (account) REFERENCES public.account(id);


--
-- Name: oauth_access oauth_access_client_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_access
    ADD CONSTRAINT oauth_access_client_fkey FOREIGN KEY (client) REFERENCES public.oauth_client(id);


--
-- Name: oauth_access oauth_access_grant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_access
    ADD CONSTRAINT oauth_access_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES public.oauth_grant(id);


--
-- Name: oauth_client_secret oauth_client_secret_client_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_client_secret
    ADD CONSTRAINT oauth_client_secret_client_fkey FOREIGN KEY (client) REFERENCES public.oauth_client(id);


--
-- Name: oauth_grant oauth_grant_client_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_grant
    ADD CONSTRAINT oauth_grant_client_fkey FOREIGN KEY (client) REFERENCES public.oauth_client(id);


--
-- Name: oauth_once oauth_once_grant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_once
    ADD CONSTRAINT oauth_once_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES public.oauth_grant(id);


--
-- PostgreSQL database dump complete
--


