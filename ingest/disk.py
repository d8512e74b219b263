"""What the operating system says when a file cannot grow: the disk, or what one may have of it, is full.

https://www.rfc-editor.org/rfc/rfc4918#section-11.5
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ingest.errors import NoSpace

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: OSError) -> bool:
    """Whether nothing more can be written, so that it is no use to try again before somebody made room."""
    return error.errno in _FULL


@contextmanager
def room() -> Iterator[None]:
    """Nothing; raises NoSpace in the place of the error that says so."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise NoSpace from error
        raise
