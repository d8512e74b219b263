"""R4's own example instances, out of the archive beside this module."""

import gzip
from functools import cache
from pathlib import Path

_ARCHIVE = Path(__file__).parent / "r4-examples.ndjson.gz"

# The one instance of the archive that R4 itself forbids: 32 of its items have no linkId, which is required.
INVALID = "Questionnaire/qs1"


@cache
def lines() -> tuple[bytes, ...]:
    """The text of every example, in the order of the package's file names."""
    return tuple(gzip.decompress(_ARCHIVE.read_bytes()).splitlines())
