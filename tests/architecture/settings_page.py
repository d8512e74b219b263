"""docs/settings.md and .env.example as the settings themselves say them: `python -m tests.architecture.settings_page`.

https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from fhir_server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "settings.md"
EXAMPLE = ROOT / ".env.example"

_HEAD = """# Settings

Every setting is a variable of the environment, or a line of a file `.env` in the folder the server is started from; the
environment wins, and an option of the command line (`--port`, `--data-dir`, …) wins over both. `.env.example` lists them all.
This page is made from `fhir_server/settings.py` by `python -m tests.architecture.settings_page`, and a test holds it to it.

| variable | default | meaning |
|---|---|---|
"""

_FOOT = """
Four more are other programs' own and work as usual: `PROMETHEUS_MULTIPROC_DIR` is set by the server for its workers,
`XDG_DATA_HOME` and `XDG_RUNTIME_DIR` move the default folders, `.env` is read by `docker compose` too.

What is secret (`DATABASE_URL`, `FHIR_TOKEN`, `FHIR_MASTER_KEY`) has no option on the command line, where other users of the
machine could read it.
"""


def variable(name: str, field: FieldInfo) -> str:
    """The variable's name."""
    return "DATABASE_URL" if name == "database_url" else f"FHIR_{name.upper()}"


def default(field: FieldInfo) -> str:
    """The default as one would write it."""
    value = field.default
    if value is None or value is PydanticUndefined:
        return ""
    return "[]" if value == () else str(value)


def page() -> str:
    """docs/settings.md."""
    rows = (
        f"| `{variable(name, field)}` | {f'`{shown}`' if (shown := default(field)) else 'none'} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _HEAD + "".join(rows) + _FOOT


def example() -> str:
    """.env.example."""
    lines = ["# Copy to .env and uncomment what you change. docs/settings.md says the same as a table.\n"]
    for name, field in Settings.model_fields.items():
        lines.append(f"\n# {field.description}\n# {variable(name, field)}={default(field)}\n")
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
    EXAMPLE.write_text(example())
