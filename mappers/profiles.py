"""Every device type there is: those of this package and the operator's own, read when a server or a command starts.

docs/devices.md, "Writing a device type"
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from mappers.declaration import Declaration
from mappers.errors import UnknownProfile
from mappers.profile import PROFILES, DeviceProfile, device_profile, read_profile

_KEY: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_KEY_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class DeviceProfiles:
    """The device types by their keys; `own` are the operator's."""

    by_key: Mapping[str, DeviceProfile]
    own: frozenset[str] = frozenset()

    def get(self, key: str) -> DeviceProfile:
        """The device type called `key`. Raises UnknownProfile, which says which there are."""
        found = self.by_key.get(key)
        if found is None:
            known = ", ".join(self.by_key)
            raise UnknownProfile(f"There is no device type {key[:80]!r}. Choose one of {known}.")
        return found


@cache
def built_in() -> DeviceProfiles:
    """The device types of this package. Raises InvalidDeclaration with file and line if one is wrong."""
    return DeviceProfiles(MappingProxyType({key: device_profile(key) for key in PROFILES}))


def with_own(declared: Iterable[tuple[str, Declaration]]) -> DeviceProfiles:
    """Those of this package and those `declared`, by their keys. Raises InvalidDeclaration with file and line.

    A key that is no name for a type, or that a type of this package has, is a mistake too.
    """
    own = {key: own_profile(key, source) for key, source in declared}
    return DeviceProfiles(MappingProxyType({**built_in().by_key, **own}), frozenset(own))


def own_profile(key: str, source: Declaration) -> DeviceProfile:
    """The operator's own device type that `source` declares. Raises InvalidDeclaration with file and line."""
    if not _KEY.fullmatch(key) or len(key) > _KEY_LENGTH:
        raise source.error(
            f"`{key[:80]}` is no name for a device type. Name the file in small letters, digits and `-`."
        )
    if key in PROFILES:
        raise source.error(f"`{key}` is a device type of this server. Give the file another name.")
    return read_profile(key, source)
