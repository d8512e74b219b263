"""`fhir-server demo`, which is what `make run` runs: the server with a ward that sends readings.

https://hl7.org/fhir/R4/observation.html
"""

from collections import Counter
from json import dumps
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fhir_server.cli.configuration import data_dir as folder_of
from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, say
from fhir_server.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from pathlib import Path

    from fhir_server.demo.devices import Sent
    from fhir_server.demo.ecg import Recorded
    from fhir_server.demo.people import DemoUser
    from fhir_server.demo.show import Screen
    from fhir_server.demo.ward import WardDevice
    from fhir_server.serve.owner import Running

_MOST_LETTERS: Final = 160

Port = Annotated[int | None, typer.Option(help="Port; 0 takes any free one.", show_default="8000")]


def demo(*, port: Port = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Run the server with two patients, a real ECG and a device of every type that sends, until Ctrl-C.

    What it made is found again by the next run.

    Example: fhir-server demo --port 8000
    """
    from pydantic import SecretStr

    from fhir_server.demo.show import show
    from fhir_server.serve import owner
    from fhir_server.serve.token import lasting_token

    configured = settings(port=port, data_dir=data_dir)
    folder = folder_of(configured)
    made = {
        "token": SecretStr(lasting_token(configured)),
        "log_file": configured.log_file or folder / "server.log",
    }
    configured = configured.model_copy(update=made)
    screen: Screen = _JsonScreen() if json else _Lines(folder)
    if not json:
        say(f"Starting the server with its database in {folder}; its log is {configured.log_file}")
    owner.serve(configured, lambda _: None, lambda running: show(running, screen))


class _Lines:
    """The run in words, for a person at the console."""

    def __init__(self, folder: "Path") -> None:
        from rich.console import Console

        self._console = Console(highlight=False, soft_wrap=True)
        self._folder = folder

    def ready(self, running: "Running") -> None:
        """Where the server is, and three things to try."""
        header = f'-H "Authorization: Bearer {running.token}"' if running.token else ""
        fhir = f"{running.address}/fhir"
        self._say(
            f"\n[bold]FHIR R4 is served at {fhir}[/bold]   Try, in another terminal (Ctrl-C here stops it):"
        )
        for line in (
            f"curl -s {header} '{fhir}/Patient/p1'",
            f"curl -s {header} '{fhir}/Observation?patient=p1&code=http://loinc.org|59408-5&_sort=-date&_count=3'",
            f"curl -s {header} '{fhir}/DiagnosticReport?patient=p1&_pretty=true'",
        ):
            self._console.print(f"  {line}", style="cyan", markup=False)
        self._say("")

    def set_up(self, patients: "list[str]", devices: "list[WardDevice]") -> None:
        """Who is on the ward."""
        self._say(f"Patients: {', '.join(patients)}")
        for device in devices:
            whose = f"on Patient/{device.patient}" if device.patient else "on nobody yet"
            self._say(f"Device:   {device.name}, {device.profile}, {whose}")

    def people(self, users: "list[DemoUser]", app: str) -> None:
        """Who may log in; passwords of those who are new, and how others get another."""
        for user in users:
            who = f"{user.role}, {user.fhir_user}" if user.fhir_user else user.role
            known = "was here before" if user.password is None else f"one-time password {user.password}"
            self._say(f"User:     {user.name}, {who}; {known}")
        if any(user.password for user in users):
            self._say("          These passwords are shown this once, and replaced at the first login.")
        if not all(user.password for user in users):
            where = f"--data-dir {self._folder}"
            self._say(f"          Another password: fhir-server user reset {users[0].name} {where}")
        self._say(
            f"App:      {app}: python -m http.server 9000 -d examples/smart_app, then http://localhost:9000/"
        )

    def recorded(self, recorded: "Recorded", made: "list[str]") -> None:
        """The ECG in, and what was made of it."""
        self._say(f"\n[bold]in [/bold]  {recorded.file}: a 12-lead ECG recorded by demo-ecg")
        self._made(", ".join(recorded.statuses), made)
        for note in recorded.notes:
            self._say(f"      {note}", style="dim")

    def sent(self, sent: "Sent", made: "list[str]") -> None:
        """A message in, and what was made of it."""
        self._say(f"[bold]in [/bold]  {sent.device} {sent.path} {_told(sent.message)}")
        statuses = Counter(str(result.get("status")) for result in sent.results())
        self._made(" ".join([str(sent.status), *(f"{n} {status}" for status, n in statuses.items())]), made)

    def away(self, device: str, why: str) -> None:
        """A message that was not answered."""
        self._say(f"[bold]in [/bold]  {device}: {why}", style="red")

    def _made(self, status: str, made: "list[str]") -> None:
        self._say(f"[bold]out[/bold]  {status}", style="green" if made else "red")
        for line in made:
            self._console.print(f"      {line}", markup=False)

    def _say(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style)


class _JsonScreen:
    """The run as JSON, an event a line."""

    def ready(self, running: "Running") -> None:
        """Where the server is."""
        print_json(
            {
                "event": "ready",
                "url": running.address,
                "fhir": f"{running.address}/fhir",
                "token": running.token,
            }
        )

    def set_up(self, patients: "list[str]", devices: "list[WardDevice]") -> None:
        """Who is on the ward."""
        named = [{"device_id": each.name, "type": each.profile, "patient": each.patient} for each in devices]
        print_json({"event": "ward", "patients": patients, "devices": named})

    def people(self, users: "list[DemoUser]", app: str) -> None:
        """Who may log in, with the one-time passwords of those who are new."""
        named = [
            {
                "name": each.name,
                "role": each.role,
                "fhir_user": each.fhir_user,
                "one_time_password": each.password,
            }
            for each in users
        ]
        print_json({"event": "people", "users": named, "client_id": app})

    def recorded(self, recorded: "Recorded", made: "list[str]") -> None:
        """The ECG in, and what was made of it."""
        print_json({"event": "ecg", "file": recorded.file, "statuses": recorded.statuses, "made": made})

    def sent(self, sent: "Sent", made: "list[str]") -> None:
        """A message in, and what was made of it."""
        print_json(
            {
                "event": "reading",
                "device_id": sent.device,
                "path": sent.path,
                "message": sent.message,
                "status": sent.status,
                "made": made,
            }
        )

    def away(self, device: str, why: str) -> None:
        """A message that was not answered."""
        print_json({"event": "away", "device_id": device, "reason": why})


def _told(message: object) -> str:
    """A reading by its values; another message by its first letters."""
    data = message.get("data") if isinstance(message, dict) else None
    if isinstance(message, dict) and isinstance(data, dict):
        values = " ".join(f"{name}={_text(value)}" for name, value in data.items())
        return f"{message.get('timestamp')} {values}"
    text = dumps(message, ensure_ascii=False)
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


def _text(value: object) -> str:
    return f"{value['value']} {value['unit']}" if isinstance(value, dict) else str(value)
