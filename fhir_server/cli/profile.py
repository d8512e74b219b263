"""`fhir-server profile`: device types of one's own, each a YAML file.

docs/devices.md, "Writing a device type"
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say, warn
from fhir_server.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from mappers.rule import FieldRule

app = typer.Typer(
    help="Check, try and start device types of your own. Example: fhir-server profile check wrist-band.yaml",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="The YAML file of a device type; its name is the type's.")]


@app.command("check")
def check(
    file: File,
    *,
    data_dir: DataDir = None,  # noqa: ARG001 - every command takes it; this one needs no database
    json: AsJson = False,
) -> None:
    """Prove a device type: its metrics, codes, units, paths. Exits with 1 and the line of every mistake.

    Example: fhir-server profile check wrist-band.yaml
    """
    from fhir_server.interactions.device_types import checked

    profile = checked(file)
    rows = [_field_row(rule) for rule in profile.rules]
    if json:
        print_json({"type": profile.key, "version": profile.version, "fields": rows})
        return
    print_table(("field", "metric", "codes", "unit", "accepted", "confidence"), rows, empty="")
    say(f"{file.name} is sound: {profile.key}, version {profile.version}.")


@app.command("try")
def try_sample(
    file: File,
    sample: Annotated[
        Path,
        typer.Argument(help="What a device of it sends: JSON, one reading or an array; or its table (.csv)."),
    ],
    *,
    device: Annotated[str, typer.Option(help="The name the device is registered under.")] = "example",
    patient: Annotated[str, typer.Option(help="The id of the Patient it is assigned to.")] = "example",
    zone: Annotated[
        str, typer.Option(help="The device's time zone, where a table states none: Europe/Berlin, +01:00.")
    ] = "Z",
    mapping: Annotated[
        str | None,
        typer.Option(help="Which of the tables that the type declares it is, where there are several."),
    ] = None,
    data_dir: DataDir = None,  # noqa: ARG001 - as above
    json: AsJson = False,
) -> None:
    """Show what a sample becomes, its Provenance, and the device; nothing is stored. Exits with 1 if a reading is rejected.

    Example: fhir-server profile try wrist-band.yaml sample.json --device band-1
    """
    import sys

    from fhir_server.clock import now
    from fhir_server.interactions.device_types import checked
    from fhir_server.interactions.profile_trial import Subject, trial
    from fhir_server.json import dumps, pretty
    from ingest.answer import rejected_count, results_json

    said = {"zone": zone} | ({} if mapping is None else {"mapping": mapping})
    made = trial(checked(file), sample, now(), Subject("example", device, patient), said)
    shown = {"resources": made.resources, "provenances": made.provenances, "device": made.device}
    if json:
        parts = (b',"%b":[%b]' % (name.encode(), b",".join(map(dumps, each))) for name, each in shown.items())
        sys.stdout.write((results_json(made.results)[:-1] + b"".join(parts) + b"}").decode() + "\n")
    else:
        for where, result in zip(made.where, made.results, strict=True):
            for issue in result.issues:
                warn(f"{where}: {issue.severity}: {issue.element or ''} {issue.diagnostics}")
        for resource in (each for resources in shown.values() for each in resources):
            say(pretty(resource).decode())
    if rejected_count(made.results):
        raise typer.Exit(1)


@app.command("new")
def new(
    key: Annotated[str, typer.Argument(help="The name of the new type: small letters, digits and `-`.")],
    *,
    folder: Annotated[Path, typer.Option(help="Where its file is written.")] = Path(),
    data_dir: DataDir = None,  # noqa: ARG001 - as above
    json: AsJson = False,
) -> None:
    """Start a device type: a file that is sound, with a comment on everything it may say.

    Example: fhir-server profile new wrist-band
    """
    from fhir_server.interactions.device_types import started

    path = started(key, folder)
    if json:
        print_json({"file": str(path)})
    else:
        say(f"{path} is written. Change it, then: fhir-server profile check {path}")


@app.command("list")
def list_profiles(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List every device type, your own ones among them.

    Example: fhir-server profile list --json
    """
    from fhir_server.interactions.device_types import device_types

    types = device_types(settings(data_dir=data_dir).profiles_dir)
    rows = [
        {
            "type": each.key,
            "version": each.version,
            "text": each.text,
            "fields": len(each.rules),
            "own": each.key in types.own,
        }
        for each in types.by_key.values()
    ]
    if json:
        print_json(rows)
    else:
        print_table(("type", "version", "text", "fields", "own"), rows, empty="There is no device type.")


@app.command("import")
def import_templates(
    templates: Annotated[
        list[Path], typer.Argument(help="Device content and FHIR mapping templates of microsoft/iomt-fhir.")
    ],
    *,
    key: Annotated[str, typer.Option(help="The name of the new type.")] = "imported",
    data_dir: DataDir = None,  # noqa: ARG001 - as above
    json: AsJson = False,
) -> None:
    """Print a device type made of iomt-fhir templates; what is doubtful is said on stderr and left out.

    Example: fhir-server profile import devicecontent.json fhirmapping.json --key wrist-band
    """
    from fhir_server.interactions.device_types import imported

    made = imported(templates, key)
    if json:
        print_json({"declaration": made.text, "warnings": made.warnings})
        return
    for each in made.warnings:
        warn(f"warning: {each}")
    say(made.text.rstrip("\n"))


def _field_row(rule: "FieldRule") -> dict[str, object]:
    scale = rule.scale
    return {
        "field": rule.name,
        "metric": rule.key,
        "codes": " ".join(each.code for each in rule.metric.codings),
        "unit": rule.unit,
        "accepted": None if scale is None else f"{scale.low} to {scale.high} {scale.unit}",
        "confidence": rule.metric.confidence,
    }
