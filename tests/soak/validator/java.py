"""HAPI's FhirInstanceValidator for R4: built once, then asked offline.

`mvn` gets it from Maven Central.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import orjson

_PROJECT = Path(__file__).parent

Answer = list[dict[str, str]]
"""What was found in one resource: `location`, `id` and `message` of each."""


def build(folder: Path) -> list[str]:
    """The command that answers each line of resources with a line of what it found."""
    for tool in ("java", "mvn"):
        assert shutil.which(tool), f"{tool} is not installed. `make deps` installs it."
    subprocess.run(
        ["mvn", "-q", "-B", f"-DbuildDirectory={folder}", "compile", "dependency:build-classpath",
         f"-Dmdep.outputFile={folder}/classpath"],
        cwd=_PROJECT, check=True, timeout=900, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    classes = f"{folder}/classes:{(folder / 'classpath').read_text()}"
    return ["java", "-Xmx2g", "-cp", classes, "validator.Validate"]


def answers(
    java: list[str], texts: Sequence[bytes], least: Literal["errors", "warnings"] = "errors"
) -> list[Answer]:
    """What the validator has against each resource, from severity `least` on."""
    run = subprocess.run(
        [*java, least], input=b"\n".join(texts) + b"\n", capture_output=True, check=True, timeout=600
    )  # the messages that it logs beside are of no interest
    found = [orjson.loads(line) for line in run.stdout.splitlines()]
    assert len(found) == len(texts), run.stderr[-2000:]
    return found
