"""Fields that belong together: one Observation of components, or one that names others as its members.

https://hl7.org/fhir/R4/observation.html#obsgrouping
"""

from dataclasses import dataclass

from mappers.declaration import Declaration
from mappers.metric import Metric
from mappers.metrics import metrics, panel_of
from mappers.rule import FieldRule
from mappers.template import Template, template


@dataclass(frozen=True, slots=True)
class Panel:
    """Several fields that make one Observation; `components` in the order of the registry, `value` what they sum up to.

    Where one is sent, those in `required` must be. A panel is `self_reported` when one of its fields is.
    """

    template: Template
    value: FieldRule | None
    components: tuple[FieldRule, ...]
    required: tuple[FieldRule, ...]
    self_reported: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A panel of Observations that each stand alone: those of the metrics, or panels, in `members`."""

    template: Template
    members: frozenset[str]


def group(source: Declaration) -> Group | None:
    """The panel that `group:` names, None if it is absent. Raises InvalidDeclaration if it is none with members."""
    key = source.optional_text("group")
    if key is None:
        return None
    metric = metrics().get(key)
    if metric is None or not metric.members:
        raise source.error(f"`group: {key}` is no panel with members.", "group")
    return Group(template(metric), frozenset(metric.members))


def panels(rules: tuple[FieldRule, ...], declared: Declaration) -> dict[str, Panel]:
    """The panel of each metric that is part of one. Raises InvalidDeclaration where a part it needs is not declared."""
    by_metric = {rule.key: rule for rule in rules}
    made: dict[str, Panel] = {}
    for key in by_metric:
        metric = panel_of(key)
        if metric is not None and key not in made:
            panel = _panel(key, metric, by_metric, declared)
            own = () if panel.value is None else (panel.value,)
            made |= {rule.key: panel for rule in (*own, *panel.components)}
    return made


def _panel(key: str, metric: Metric, by_metric: dict[str, FieldRule], declared: Declaration) -> Panel:
    for each in metric.requires:
        if each not in by_metric:
            name = by_metric[key].name
            raise declared.error(f"`{key}` is part of {metric.key}, which also needs `{each}`.", name)
    components = tuple(by_metric[each] for each in metric.components if each in by_metric)
    if len({rule.summary for rule in components}) > 1:
        text = f"the parts of {metric.key} are measured together: give all of them the same `statistic`."
        raise declared.error(text, components[-1].name)
    sites = dict.fromkeys(rule.site for rule in components if rule.site is not None)
    if len(sites) > 1:
        said = " and ".join(f"`{site}`" for site in sites)
        name = components[-1].name
        raise declared.error(f"{metric.key} is one Observation and has one `site`, not {said}.", name)
    return Panel(
        template=template(metric, site=next(iter(sites), None)),
        value=by_metric.get(metric.key),
        components=components,
        required=tuple(by_metric[each] for each in metric.requires),
        self_reported=any(rule.modality == "self-reported" for rule in components),
    )
