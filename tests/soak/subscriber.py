"""A subscriber: an HTTP server of its own thread that keeps every notification, and answers as badly as it is told to.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook
"""

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias


class Heard(NamedTuple):
    """An event as it was told: its number, what it is about (`Type/id`, empty where nothing was said), the version if shown."""

    number: int
    focus: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification as it came; one of R4's own has neither kind nor Bundle, but the resource itself in `events`.

    `status` is what it was answered with, 0 where the connection was cut.
    """

    kind: str
    bundle: str
    subscription: str
    events: tuple[Heard, ...]
    at: float
    status: int = 200


@dataclass(frozen=True, slots=True)
class Manner:
    """How a request is answered: after `seconds`, with this status and these headers, or cut off in its or the answer's middle."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    cut: Literal["", "request", "answer"] = ""


Mannered: TypeAlias = Callable[[], Manner]
KIND: Manner = Manner()


@dataclass
class Subscriber:
    """Hears at `http://127.0.0.1:{port}/{name}` for any name; `manners` says for each how it answers, kindly if nothing is said."""

    port: int = 0
    manners: dict[str, Mannered] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    faults: list[str] = field(default_factory=list)
    _notices: dict[str, list[Notice]] = field(default_factory=lambda: defaultdict(list))
    _server: "_Listener | None" = None

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def notices(self, name: str) -> list[Notice]:
        """What came so far, in order."""
        return list(self._notices[name])

    def events(self, name: str) -> list[Heard]:
        """The events that came so far, in order, those that came twice twice."""
        return [event for notice in self.notices(name) for event in notice.events]

    def numbers(self, name: str) -> set[int]:
        """The numbers of the events that came so far and were taken."""
        taken = (notice for notice in self.notices(name) if 200 <= notice.status < 300)
        return {event.number for notice in taken for event in notice.events}

    def up(self) -> None:
        """Hears from now on, at the same port as before."""
        self._server = _Listener(self)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Hears nothing more: the port is closed, and every connection cut."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def kept(self, name: str, notice: Notice) -> None:
        """Nothing; the notification is kept."""
        self._notices[name].append(notice)


@contextmanager
def subscriber() -> Iterator[Subscriber]:
    """One that hears, until the block ends."""
    hearing = Subscriber()
    hearing.up()
    try:
        yield hearing
    finally:
        hearing.down()


def always(**manner: Any) -> Mannered:  # Any: fields of Manner
    """The same manner every time."""
    fixed = Manner(**manner)
    return lambda: fixed


def told(tree: dict[str, Any], *, status: int = 200) -> Notice:  # Any: JSON
    """What a notification of the backport says; ValueError for one that is not as the guide has it."""
    if tree.get("resourceType") != "Bundle":
        focus, version = f"{tree['resourceType']}/{tree['id']}", int(tree["meta"]["versionId"])
        return Notice("", "", "", (Heard(0, focus, version),), time.monotonic(), status)
    head, *entries = tree["entry"]
    parameters = head["resource"]["parameter"]
    said = {each["name"]: each for each in parameters}
    events = [each["part"] for each in parameters if each["name"] == "notification-event"]
    if entries and len(entries) != len(events):
        raise ValueError(f"{len(events)} events in {len(entries)} entries")
    resources = [each.get("resource") for each in entries] or [None] * len(events)
    return Notice(
        said["type"]["valueCode"],
        tree["id"],
        said["subscription"]["valueReference"]["reference"].rpartition("/")[2],
        tuple(_heard(part, resource) for part, resource in zip(events, resources, strict=True)),
        time.monotonic(),
        status,
    )


def _heard(parts: list[dict[str, Any]], resource: dict[str, Any] | None) -> Heard:
    said = {part["name"]: part for part in parts}
    focus = said["focus"]["valueReference"]["reference"] if "focus" in said else ""
    version = None if resource is None else int(resource["meta"]["versionId"])
    return Heard(int(said["event-number"]["valueString"]), "/".join(focus.split("/")[-2:]), version)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, hearing: Subscriber) -> None:
        self._open: set[socket.socket] = set()
        bound = type("Bound", (_Request,), {"hearing": hearing})
        super().__init__(("127.0.0.1", hearing.port), bound)

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:  # Any: as in the standard library
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # Any: as in the standard library
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # Any: as in the standard library
        """A connection that was lost is nobody's fault here."""


class _Request(BaseHTTPRequestHandler):
    hearing: ClassVar[Subscriber]
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        name = self.path.split("/")[1]
        self.hearing.requests[name] += 1
        manner = self.hearing.manners.get(name, lambda: KIND)()
        length = int(self.headers.get("content-length", 0))
        if manner.cut == "request":
            self.rfile.read(length // 2)
            self._hang_up()
            return
        body = self.rfile.read(length)
        if len(body) < length:
            return
        time.sleep(manner.seconds)
        self._keep(name, body, 0 if manner.cut else manner.status)
        self.send_response(manner.status)
        for header, value in manner.headers:
            self.send_header(header, value)
        self.send_header("Content-Length", "20" if manner.cut else "0")
        self.end_headers()
        if manner.cut:
            self.wfile.write(b"half of it")
            self._hang_up()

    do_POST = do_PUT = _answer  # noqa: N815 - the standard library's names

    def _keep(self, name: str, body: bytes, status: int) -> None:
        try:
            notice = (
                told(json.loads(body), status=status)
                if body
                else Notice("", "", "", (), time.monotonic(), status)
            )
            self.hearing.kept(name, notice)
        except (ValueError, KeyError, TypeError) as error:
            self.hearing.faults.append(f"{name} was sent what cannot be read: {error!r} {body[:300]!r}")

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said on the console."""
