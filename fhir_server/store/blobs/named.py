"""Which contents the versions of Binaries name, in SQL.

docs/adr/0016-blobs.md
"""

from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.store.blobs.pointer import BINARY, URL

# the first extension of `data` is the pointer where there is one, its first part the hash: see `pointer.pointing`
_NAMED_BY: Final = """SELECT decode(v.body #>> '{{_data,extension,0,extension,0,valueString}}', 'hex') AS sha256
  FROM {versions} AS v WHERE v.body #>> '{{_data,extension,0,url}}' = '{url}'"""

_CURRENT: Final = f"(SELECT body FROM resource WHERE type = {RESOURCE_TYPES[BINARY]})"
_EARLIER: Final = f"""(SELECT h.body FROM resource_history h JOIN resource r USING (rid)
                        WHERE r.type = {RESOURCE_TYPES[BINARY]})"""

NAMED: Final = "\n UNION ".join(_NAMED_BY.format(versions=place, url=URL) for place in (_CURRENT, _EARLIER))
"""A query with one column, `sha256`: each content that any version of any Binary names, once."""
