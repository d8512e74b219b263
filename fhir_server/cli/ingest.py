"""`fhir-server ingest`: readings from files that a device wrote.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_A.34.3.html (12-lead ECG), docs/ingest.md
"""

import re
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, say, warn
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from ingest.files import FileSummary

_OFFSET = re.compile(r"([+-])([01][0-9]):([0-5][0-9])")


def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(help="DICOM ECGs, STR.edf of a ResMed card, or readings in JSON or NDJSON."),
    ],
    *,
    device: Annotated[str, typer.Option(help="The registered device that measured.")],
    patient: Annotated[
        str | None, typer.Option(help="Whom it measured, where nobody was assigned to it then.")
    ] = None,
    zone: Annotated[
        str, typer.Option(help="The device's offset from UTC, where a file states none: +01:00.")
    ] = "Z",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Take readings in from files; a broken file stores nothing. Exits with 1 when a reading was rejected.

    Example: fhir-server ingest ecg.dcm --device ecg-1 --patient p1
    """
    offset = _zone(zone)

    async def taken(place: Workplace) -> "list[FileSummary]":
        return [await _ingested(place, path, device, patient, offset) for path in files]

    summaries = with_database(settings(data_dir=data_dir), taken)
    rows = [_row(summary) for summary in summaries]
    if json:
        print_json(rows)
    else:
        for summary in summaries:
            _say_summary(summary)
    if any(result.status == "rejected" for summary in summaries for result in summary.results):
        raise typer.Exit(1)


async def _ingested(
    place: Workplace, path: Path, device: str, patient: str | None, zone: timezone
) -> "FileSummary":
    from fhir_server import clock
    from fhir_server.interactions.ingest_gateway import pipeline
    from ingest.errors import IngestError
    from ingest.files import ingest_file

    try:
        return await ingest_file(
            path,
            pipeline(place.database, place.key),
            device=device,
            patient=patient,
            clock=clock.now,
            zone=zone,
        )
    except IngestError as error:
        raise OperatorError(f"{path}: {error}") from error


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise OperatorError(f"--zone {text!r} is no offset from UTC. Write +01:00, or Z.")
    sign, hours, minutes = match.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))


def _row(summary: "FileSummary") -> dict[str, object]:
    return {
        "file": str(summary.path),
        "kind": summary.kind,
        "results": [
            {
                "status": result.status,
                "references": result.references,
                "issues": [
                    {"severity": issue.severity, "element": issue.element, "text": issue.diagnostics}
                    for issue in result.issues
                ],
            }
            for result in summary.results
        ],
        "notes": summary.notes,
    }


def _say_summary(summary: "FileSummary") -> None:
    for number, result in enumerate(summary.results, 1):
        say(f"{summary.path}: reading {number} {result.status} {' '.join(result.references)}")
        for issue in result.issues:
            warn(f"{summary.path}: reading {number}: {issue.element or ''} {issue.diagnostics}")
    for note in summary.notes:
        say(f"{summary.path}: {note}")
