"""A file that a device wrote, sent to a server by an administrator with Python's standard library alone.

docs/ingest.md, "Files"

    FHIR_TOKEN=… python examples/send_file.py http://127.0.0.1:8000 ecg.dcm --device ecg-1 --patient p1
"""

import argparse
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path


def main() -> None:
    """Nothing; the answer, which says what became of the file, is printed. Exits with 1 when it was refused."""
    parser = argparse.ArgumentParser(prog="python examples/send_file.py", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--device", required=True, help="the registered device that measured")
    parser.add_argument("--patient", help="whom it measured, where nobody was assigned to it then")
    parser.add_argument("--zone", help="the device's offset from UTC, where the file states none: +01:00")
    arguments = parser.parse_args()
    said = {"name": arguments.file.name, "device": arguments.device}
    said |= {name: vars(arguments)[name] for name in ("patient", "zone") if vars(arguments)[name]}
    url = f"{arguments.url}/ingest/files?{urllib.parse.urlencode(said)}"
    headers = {"Content-Type": "application/octet-stream"}
    if token := os.environ.get("FHIR_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    with arguments.file.open("rb") as content:
        headers["Content-Length"] = str(arguments.file.stat().st_size)
        request = urllib.request.Request(url, content, headers)
        try:
            with urllib.request.urlopen(request) as answer:
                print(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{error.code}: {error.read().decode()}") from error


if __name__ == "__main__":
    main()
