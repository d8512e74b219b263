"""docker-compose.yml and the Dockerfile say what the settings and the lock files say."""

import re
from pathlib import Path

import pytest
import yaml

from fhir_server import __version__
from fhir_server.settings import Settings
from tests.architecture.settings_page import variable

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:[-?][^}]*)?\}")
KNOWN = {variable(name, field) for name, field in Settings.model_fields.items()}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def dockerfile():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _instructions(dockerfile, name):
    return [rest for instruction, rest in dockerfile if instruction == name]


def test_every_variable_of_the_server_is_a_setting(compose):
    assert set(compose["services"]["server"]["environment"]) <= KNOWN


def test_the_servers_environment_makes_settings_that_are_valid(compose):
    given = dict(compose["services"]["server"]["environment"])
    given["FHIR_TOKEN"] = "t" * 32
    values = {
        name: VARIABLE.sub(
            lambda found: (found[2] or "")[2:] if (found[2] or "").startswith(":-") else "x", str(value)
        )
        for name, value in given.items()
        if value is not None
    }
    fields = {
        name.removeprefix("FHIR_").lower(): value for name, value in values.items() if name != "DATABASE_URL"
    }
    settings = Settings(_env_file=None, **fields)
    assert settings.host == "0.0.0.0"
    assert settings.workers == 2


def test_the_address_and_the_proxy_are_left_to_whoever_starts_it(compose):
    given = compose["services"]["server"]["environment"]
    assert {"FHIR_BASE_URL", "FHIR_TRUSTED_PROXIES"} <= {
        name for name, value in given.items() if value is None
    }


def test_secrets_are_required_and_have_no_default(compose):
    services = compose["services"]
    secrets = [
        services["postgres"]["environment"]["POSTGRES_PASSWORD"],
        services["server"]["environment"]["DATABASE_URL"],
        services["server"]["environment"]["FHIR_TOKEN"],
        services["server"]["environment"]["FHIR_MASTER_KEY"],
    ]
    assert all((VARIABLE.search(text)[2] or "").startswith(":?") for text in secrets)


def test_no_secret_stands_in_the_files(compose, dockerfile):
    assert "auth" not in str(compose).lower().replace("authority", "")
    assert not [line for line in _instructions(dockerfile, "ENV") if re.search("TOKEN|PASSWORD|KEY", line)]


def test_the_database_is_one_that_the_server_supports(compose):
    image, _, tag = compose["services"]["postgres"]["image"].partition(":")
    assert image == "postgres"
    assert int(tag.split(".")[0]) >= 15


def test_the_url_names_the_database_service_its_user_and_its_database(compose):
    database = compose["services"]["postgres"]["environment"]
    url = compose["services"]["server"]["environment"]["DATABASE_URL"]
    assert url.startswith(f"postgresql://{database['POSTGRES_USER']}:${{POSTGRES_PASSWORD")
    assert url.endswith(f"@postgres:5432/{database['POSTGRES_DB']}")


def test_the_published_port_is_the_one_the_server_listens_on_and_loopback_by_default(compose, dockerfile):
    server = compose["services"]["server"]
    (published,) = server["ports"]
    port = server["environment"]["FHIR_PORT"]
    assert published == f"${{FHIR_PUBLISH:-127.0.0.1:8000}}:{port}"
    assert _instructions(dockerfile, "EXPOSE") == [port]
    assert any(f"FHIR_PORT={port}" in line for line in _instructions(dockerfile, "ENV"))


def test_every_service_has_a_health_check_and_the_server_waits_for_the_database(compose):
    assert all("healthcheck" in service for service in compose["services"].values())
    assert compose["services"]["server"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert "/ready" in str(compose["services"]["server"]["healthcheck"]["test"])


def test_the_image_is_built_from_the_lock_files_with_hashes(dockerfile):
    installs = [line for line in _instructions(dockerfile, "RUN") if "pip install" in line]
    assert "--require-hashes -r requirements-build.lock -r requirements.lock" in installs[0]
    assert all("--no-deps" in line for line in installs[1:])


def test_the_image_runs_as_a_user_without_rights(dockerfile):
    assert _instructions(dockerfile, "USER") == ["fhir"]
    stages = _instructions(dockerfile, "FROM")
    assert [stage.split()[0] for stage in stages] == ["python:3.11-slim"] * 2


def test_everything_the_image_copies_is_here_and_let_through(dockerfile):
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().split()
        if line.startswith("!")
    }
    copied = {
        name
        for line in _instructions(dockerfile, "COPY")
        if not line.startswith("--from")
        for name in line.split()[:-1]
    }
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


def test_the_images_variables_are_settings(dockerfile):
    named = {
        name for line in _instructions(dockerfile, "ENV") for name in re.findall(r"(FHIR_[A-Z_]+)=", line)
    }
    assert named <= KNOWN
    assert "FHIR_DATA_DIR" in named


def test_the_images_tag_is_this_version(compose):
    assert compose["services"]["server"]["image"] == f"fhir-server:{__version__}"
