"""The device types of a server or a command: those of the package, and those in the operator's own folder.

docs/devices.md, "Writing a device type"
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from fhir_server.errors import OperatorError
from mappers.declaration import Declaration, parse
from mappers.errors import InvalidDeclaration, InvalidTemplate
from mappers.iomt.imported import Imported, imported_type
from mappers.metrics import check_registry
from mappers.profile import DeviceProfile
from mappers.profiles import DeviceProfiles, built_in, own_profile, with_own
from mappers.start import beginning

MOST_BYTES: Final = 1_000_000
_SUFFIXES: Final = (".yaml", ".yml")


def device_types(folder: Path | None) -> DeviceProfiles:
    """Every device type, checked. Raises OperatorError with file and line for the first that is unsound."""
    try:
        check_registry()
        return built_in() if folder is None else with_own(_declared(folder))
    except InvalidDeclaration as error:
        raise OperatorError(f"{error} The server does not start with it: correct that file.") from error


def checked(path: Path) -> DeviceProfile:
    """The operator's own device type in this file. Raises OperatorError with file and line of every mistake."""
    try:
        return own_profile(path.stem, _declaration(path))
    except InvalidDeclaration as error:
        raise OperatorError(str(error)) from error


def started(key: str, folder: Path) -> Path:
    """The new file in `folder` that a device type called `key` begins with. Raises OperatorError for a name that cannot be."""
    path = folder / f"{key}.yaml"
    text = beginning(key)
    try:
        own_profile(key, parse(text, path.name))
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except InvalidDeclaration as error:
        raise OperatorError(str(error)) from error
    except FileExistsError as error:
        raise OperatorError(f"{path} is there already. Choose another name.") from error
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def imported(paths: Sequence[Path], key: str) -> Imported:
    """The device type called `key` that these iomt-fhir templates say. Raises OperatorError for a file that is none."""
    try:
        return imported_type(key, [(path.name, _read(path)) for path in paths])
    except InvalidTemplate as error:
        raise OperatorError(str(error)) from error


def _declared(folder: Path) -> Iterator[tuple[str, Declaration]]:
    """The files of the folder by their names; what begins with a dot or is no YAML file is none of ours."""
    if not folder.is_dir():
        raise OperatorError(f"FHIR_PROFILES_DIR {str(folder)!r} is no folder. Make it, or name another.")
    seen: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES and not path.name.startswith("."):
            if path.stem in seen:
                raise OperatorError(
                    f"{path.name} and {seen[path.stem].name} are one device type. Remove one."
                )
            seen[path.stem] = path
            yield path.stem, _declaration(path)


def _declaration(path: Path) -> Declaration:
    return parse(_read(path), path.name)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise OperatorError(f"{path} is larger than {MOST_BYTES} bytes. It is no device type.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise OperatorError(f"{path.name} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from error
