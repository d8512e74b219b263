"""The parts of an Observation that are the same for every reading of one metric, built once.

https://hl7.org/fhir/R4/observation.html
"""

from dataclasses import dataclass

from mappers.metric import CATEGORIES, Metric
from terminology.service import Coding


@dataclass(frozen=True, slots=True)
class Template:
    """What is shared between Observations of one metric: nobody may change `head` or `code` in place.

    `head` has every fixed element, with None where `id`, `identifier` and the rest of the order go.
    """

    metric_key: str
    head: dict[str, object]
    code: dict[str, object]


def template(metric: Metric, kind: str = "measurement", site: str | None = None) -> Template:
    """The template for Observations of `metric`; a `setting` has the local category of that name and no profile.

    `site` is where on the body it is measured, in words: no code is made up for it.
    """
    setting = kind == "setting"
    categories = ("setting",) if setting else metric.categories
    head: dict[str, object] = {"resourceType": "Observation", "id": None}
    if metric.profile and not setting:
        head["meta"] = {"profile": [metric.profile]}
    head |= {"identifier": None, "status": "final"}
    if categories:
        head["category"] = [{"coding": [coding(CATEGORIES[each])]} for each in categories]
    code = codeable_concept(metric)
    head["code"] = code
    if site is not None:
        head["bodySite"] = {"text": site}
    return Template(metric.key, head, code)


def codeable_concept(metric: Metric) -> dict[str, object]:
    """The CodeableConcept of `metric`: LOINC first, then MDC, and its text."""
    return {"coding": [coding(each) for each in metric.codings], "text": metric.text}


def coding(code: Coding) -> dict[str, object]:
    """The FHIR Coding of `code`, without a display where none was read."""
    display: dict[str, object] = {} if code.display is None else {"display": code.display}
    return {"system": code.system, "code": code.code, **display}
