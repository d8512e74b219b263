"""The metric registry: codes, units, profiles and plausible limits, read once from `metrics.yaml`.

https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from mappers.declaration import declaration
from mappers.metric import Metric
from mappers.registry import registry


@cache
def metrics() -> Mapping[str, Metric]:
    """Every metric by its key, checked. Raises InvalidDeclaration with file and line for the first mistake."""
    return registry(declaration(files(__package__) / "metrics.yaml"))


def metric(key: str) -> Metric:
    """The metric called `key`. Raises KeyError if the registry has none."""
    return metrics()[key]


def check_registry() -> None:
    """Nothing, if every row is sound; called when a server starts. Raises InvalidDeclaration otherwise."""
    metrics()


def panel_of(key: str) -> Metric | None:
    """The panel that the metric `key` is a component of, None if it stands alone."""
    return next((panel for panel in metrics().values() if key in panel.components), None)
