"""How far a backup or a restore has come, as it is told to whoever watches.

docs/adr/0003-backup.md
"""

from collections.abc import Callable
from typing import TypeAlias

# What is being done, how many bytes of it are done, and of how many if that is known.
Progress: TypeAlias = Callable[[str, int, int | None], None]


def silent(_step: str, _done: int, _total: int | None) -> None:
    """Nothing; the progress that nobody watches."""
