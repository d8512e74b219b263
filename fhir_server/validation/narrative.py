"""Whether the XHTML of a narrative is what FHIR allows.

https://hl7.org/fhir/R4/narrative.html#xhtml
"""

import re
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

_NAMESPACE: Final = "http://www.w3.org/1999/xhtml"
_ELEMENTS: Final = frozenset(
    re.findall(
        r"\w+",
        "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd del dfn div dl dt em"
        " h1 h2 h3 h4 h5 h6 hr i img ins kbd li map ol p pre q s samp small span strike strong sub sup table tbody td"
        " tfoot th thead tr tt u ul var",
    )
)


def fault(div: str) -> str | None:
    """What is wrong with the text of `Narrative.div`, in words; None if nothing is."""
    if "<!" in div.replace("<!--", "") or "<?" in div:
        return "has a document type or processing instruction"
    check = _Check()
    try:
        check.parse(div)
    except ExpatError as error:
        return f"is not well-formed XHTML ({error})"
    return check.fault()


class _Check:
    """What one parse saw: the first forbidden thing."""

    def __init__(self) -> None:
        self._found: str | None = None
        self._depth = 0

    def parse(self, text: str) -> None:
        parser = ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.Parse(text.strip(), True)

    def fault(self) -> str | None:
        return self._found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if self._depth == 0 and local != "div":
            self._blame(f"starts with <{local}> instead of <div>")
        elif namespace != _NAMESPACE:
            self._blame(f"has <{local}> outside the namespace {_NAMESPACE}")
        elif local not in _ELEMENTS:
            self._blame(f"has the element <{local}>")
        for attribute in attributes:
            if attribute.lower().startswith("on"):
                self._blame(f"has the event attribute {attribute}")
        self._depth += 1

    def _blame(self, what: str) -> None:
        self._found = self._found or what
