"""The log: one JSON object a line, without clinical values, names or secrets.

https://www.structlog.org/en/stable/performance.html

Messages of other libraries may quote what they handled (a database error quotes the row), so of an exception only its
class and the places it passed are logged.
"""

import logging
import sys
import traceback
from pathlib import Path
from typing import IO, Final

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_FRAMES: Final = 8


def configure(level: str = "info", file: Path | None = None) -> None:
    """Nothing; from here on every log line of this process goes to standard error, or is appended to `file`."""
    stream: IO[bytes] = sys.stderr.buffer if file is None else file.open("ab", buffering=0)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_message,
            structlog.processors.JSONRenderer(serializer=_serialized),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(stream),  # type: ignore[arg-type]  # any binary stream will do
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forwarded(stream)], level=max(LEVELS[level], logging.WARNING), force=True)
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("python_multipart.multipart").disabled = True  # it writes down bytes that were sent


def places(error: BaseException) -> list[str]:
    """Where `error` passed, innermost last: `file:line function`, never its text or any value."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _without_message(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The event with its exception as class and places."""
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        event["exception"] = f"{type(error).__module__}.{type(error).__qualname__}"
        event["places"] = places(error)
    return event


def _serialized(event: EventDict, **_: object) -> bytes:
    return orjson.dumps(event, default=str)


class _Forwarded(logging.Handler):
    """Lines of the standard library's loggers (uvicorn, psycopg, asyncio): template without its arguments.

    It owns the stream that all lines go to, and closes it when another configuration takes over.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream

    def close(self) -> None:
        if self._stream is not sys.stderr.buffer:
            self._stream.close()
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exc_info"] = record.exc_info[1]
        text = str(record.msg).splitlines()[0][:200] if record.msg else ""
        structlog.get_logger().log(record.levelno, text, **fields)
