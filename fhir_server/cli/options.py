"""Options that every command has, spelled once.

https://typer.tiangolo.com/tutorial/options/
"""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="FHIR_DATA_DIR",
        show_default="a folder of your own",
        help="Folder of the embedded PostgreSQL and the keys. With DATABASE_URL set, of the keys alone.",
    ),
]

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
