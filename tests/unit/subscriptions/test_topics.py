"""The catalog of topics, and the page that promises it."""

import re
from pathlib import Path

import pytest

from fhir_server.search.params.catalog import served
from fhir_server.subscriptions.topics import TOPICS

PAGE = (Path(__file__).parents[3] / "docs" / "subscriptions.md").read_text()
NAMED = [topic for topic in TOPICS.values() if topic.filters is not None]


@pytest.mark.parametrize("topic", NAMED, ids=lambda topic: topic.name)
def test_every_filter_of_a_topic_is_a_search_parameter_of_its_type(topic):
    aliases = dict(topic.aliases)

    assert {aliases.get(name, name) for name in topic.filters} <= served(topic.type).keys()
    assert topic.limits <= topic.filters


@pytest.mark.parametrize(
    "topic", [one for one in NAMED if one.name != "encounter-discharged"], ids=lambda topic: topic.name
)
def test_the_page_names_every_topic_with_its_filters(topic):
    (row,) = re.findall(rf"^\| `{re.escape(topic.canonical)}` \|[^|]*\|(.*)\|$", PAGE, re.MULTILINE)

    assert set(re.findall(r"`([a-z-]{3,})`", row)) == topic.filters


def test_the_page_names_the_topics_of_every_type():
    assert len(TOPICS) - len(NAMED) == 3 * len(
        {topic.type for topic in TOPICS.values() if topic not in NAMED}
    )
    assert "`urn:fhir-server:topic:<Type>-created`, `…-updated`, `…-deleted`" in PAGE
