"""The settings a command runs with: its options, then the environment, then `.env`.

https://docs.pydantic.dev/latest/concepts/pydantic_settings/#field-value-priority
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from fhir_server.settings import Settings


def settings(**options: object) -> "Settings":
    """The settings, an option that is None giving way to the environment; `data_dir` is always filled in.

    Raises OperatorError that names each variable that is wrong, and never a value: it may be a secret.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from fhir_server.settings import Settings
    from fhir_server.store.embedded.directory import default_data_dir

    given: dict[str, Any] = {
        name: value for name, value in options.items() if value is not None
    }  # Any: fields
    try:
        configured = Settings(**given)
    except ValidationError as error:
        raise OperatorError(_complaint(error)) from None
    except SettingsError as error:
        raise OperatorError(_unread(error)) from None
    folder = configured.data_dir or default_data_dir()
    return configured.model_copy(update={"data_dir": folder.expanduser().absolute()})


def data_dir(configured: "Settings") -> Path:
    """The data folder of settings made here."""
    if configured.data_dir is None:
        raise OperatorError("No data folder is set. Give one with --data-dir or FHIR_DATA_DIR.")
    return configured.data_dir


def _complaint(error: "ValidationError") -> str:
    faults = (
        f"{_variable(str(fault['loc'][0]) if fault['loc'] else '')}: {fault['msg'].replace('items after validation', 'characters')}"
        for fault in error.errors(include_input=False, include_url=False)
    )
    return "The settings cannot be used: " + "; ".join(faults) + ". docs/settings.md lists every setting."


def _unread(error: "SettingsError") -> str:
    named = re.search(r'field "(\w+)"', str(error))
    which = _variable(named[1]) if named else "A setting"
    return f"The settings cannot be used: {which}: it is no JSON. docs/settings.md lists every setting."


def _variable(field: str) -> str:
    return field if field.isupper() else f"FHIR_{field.upper()}"
