"""The commands, an explicit list: one module each.

https://typer.tiangolo.com/tutorial/commands/
"""

import typer

from fhir_server.cli import (
    audit,
    backup,
    blobs,
    client,
    deadletter,
    demo,
    device,
    explain,
    ingest,
    key,
    load,
    migrate,
    profile,
    reindex,
    serve,
    subscription,
    user,
    version,
)
from fhir_server.cli.recorded import tell_what_runs

commands = typer.Typer(
    name="fhir-server",
    help="A FHIR R4 server for device data: signed readings in, coded and validated FHIR out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

commands.command("serve")(serve.serve)
commands.command("demo")(demo.demo)
commands.command("load")(load.load)
commands.command("ingest")(ingest.ingest)
commands.add_typer(device.app, name="device")
commands.add_typer(user.app, name="user")
commands.add_typer(client.app, name="client")
commands.add_typer(key.app, name="key")
commands.add_typer(deadletter.app, name="deadletter")
commands.add_typer(subscription.app, name="subscription")
commands.add_typer(profile.app, name="profile")
commands.command("backup")(backup.backup)
commands.command("restore")(backup.restore)
commands.add_typer(blobs.app, name="blobs")
commands.add_typer(audit.app, name="audit")
commands.command("migrate")(migrate.migrate)
commands.command("reindex")(reindex.reindex)
commands.command("explain")(explain.explain)
commands.command("version")(version.version)

tell_what_runs(commands)
