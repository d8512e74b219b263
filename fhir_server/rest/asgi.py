"""The shapes of ASGI.

https://asgi.readthedocs.io/en/latest/specs/main.html#applications
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

# Any: ASGI's scope and messages are open dictionaries.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderLines: TypeAlias = tuple[tuple[bytes, bytes], ...]
