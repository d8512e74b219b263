"""`fhir-server explain`: what a search, or a call of `$lastn`, means and the SQL it becomes.

https://hl7.org/fhir/R4/search.html
"""

from typing import Annotated

import typer

from fhir_server.cli.console import print_json, say
from fhir_server.cli.options import AsJson, DataDir


def explain(
    url: Annotated[str, typer.Argument(help="A search as it follows /fhir/ in a URL.")],
    *,
    data_dir: DataDir = None,  # noqa: ARG001 - every command takes it; this one needs no database
    json: AsJson = False,
) -> None:
    """Print the plan and the SQL of a search, without a database.

    Example: fhir-server explain 'Observation?patient=p1&code=http://loinc.org|59408-5&_sort=-date'
    """
    from fhir_server.operations import explain as of_operations
    from fhir_server.search.explain import explain as of_searches

    text = of_operations.explain(url) if of_operations.is_lastn(url) else of_searches(url)
    if json:
        print_json({"url": url, "explanation": text})
    else:
        say(text)
