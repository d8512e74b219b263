"""Pages as a browser and a screen reader see them: their elements, forms, and faults that shut people out.

https://www.w3.org/TR/WCAG22/
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import urljoin

_VOID = {"meta", "link", "input", "br", "hr", "img"}
_FOCUSABLE = {"a", "button", "input", "select", "textarea"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self):
        parts = (each if isinstance(each, str) else each.text for each in self.children)
        return " ".join(" ".join(parts).split())

    def all(self, *tags):
        for each in self.children:
            if isinstance(each, Element):
                if not tags or each.tag in tags:
                    yield each
                yield from each.all(*tags)

    def get(self, name):
        return self.attributes.get(name)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = self.at = Element("", {})

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        assert len(attrs) == len(element.attributes), f"<{tag}> has an attribute twice"
        self.at.children.append(element)
        if tag not in _VOID:
            self.at = element

    def handle_endtag(self, tag):
        assert self.at.tag == tag, f"<{self.at.tag}> is ended by </{tag}>"
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.children.append(data)


def read(html):
    """The root of the page. Fails for elements that are not closed in their order."""
    reader = _Reader()
    reader.feed(html)
    assert reader.at is reader.root, f"<{reader.at.tag}> is not closed"
    return reader.root


def form(html, action):
    """The first form that is posted to `action`, as the fields that a browser would send without a button."""
    posted = (each for each in read(html).all("form") if each.get("method") == "post")
    found = next((each for each in posted if each.get("action") == action), None)
    assert found is not None, f"no form goes to {action} from: {read(html).text}"
    fields = []
    for each in found.all("input"):
        if each.get("type") != "checkbox" or "checked" in each.attributes:
            fields.append((each.get("name"), each.get("value") or ""))
    return fields


def faults(html):
    """What would keep somebody from using the page, or let something into it; empty for a page for everybody."""
    page = read(html)
    every = list(page.all())
    ids = [each.get("id") for each in every if each.get("id")]
    return [
        *_of_the_whole(page),
        *(f"two elements have the id {id}" for id in set(ids) if ids.count(id) > 1),
        *(f"nothing has the id {id} that is named" for id in _named(every) if id not in ids),
        *(fault for each in every for fault in _of_one(each, page)),
    ]


def _of_the_whole(page):
    if [each.get("lang") for each in page.all("html")] != ["en"]:
        yield "the language is not said"
    if not next((each.text for each in page.all("title")), ""):
        yield "there is no title"
    for tag in ("main", "h1"):
        if len(list(page.all(tag))) != 1:
            yield f"there is not one {tag}"
    levels = [int(each.tag[1]) for each in page.all("h1", "h2", "h3")]
    main = next(page.all("main"))
    first = next((each.tag for each in main.all("h1", "h2", "h3")), "")
    alerts = any(each.get("role") == "alert" for each in main.all())
    if first != "h1" and not alerts:
        yield "the first heading is not the h1"
    if any(later - earlier > 1 for earlier, later in pairwise(levels)):
        yield "a level of headings is left out"
    reached = next(each for each in page.all(*_FOCUSABLE) if each.get("type") != "hidden")
    if reached.get("href") != "#main":
        yield "the first thing that is reached does not lead to the content"


def _named(every):
    for each in every:
        for name in ("aria-describedby", "aria-labelledby", "for"):
            yield from (each.get(name) or "").split()
        if (each.get("href") or "").startswith("#"):
            yield each.get("href")[1:]


def _of_one(each, page):
    if each.tag in {"script", "style"} or "style" in each.attributes:
        yield f"<{each.tag}> has a script or a style of its own"
    if any(name.startswith("on") for name in each.attributes):
        yield f"<{each.tag}> has a handler"
    if each.get("tabindex") not in (None, "0", "-1"):
        yield f"<{each.tag}> changes the order of the keyboard"
    if each.tag in ("input", "select", "textarea") and each.get("type") != "hidden":
        labels = [label.text for label in page.all("label") if label.get("for") == each.get("id")]
        if len(labels) != 1 or not labels[0]:
            yield f"the field {each.get('name')} has no label"
        if each.get("type") in ("text", "password") and not each.get("autocomplete"):
            yield f"the field {each.get('name')} does not say what it is for"
        if each.get("aria-invalid") and not each.get("aria-describedby"):
            yield f"the field {each.get('name')} does not say what is wrong"
    if each.tag in ("a", "button") and not each.text:
        yield f"a <{each.tag}> has no text"
    if each.tag == "fieldset" and next(each.all(), Element("", {})).tag != "legend":
        yield "a fieldset has no legend"
    if (
        each.tag == "form"
        and each.get("method") == "post"
        and "token" not in {one.get("name") for one in each.all("input")}
    ):
        yield f"the form to {each.get('action')} has no token"
    for address in (each.get("href"), each.get("action"), each.get("src")):
        if (
            address
            and urljoin("https://here.example/oauth/x", address).startswith("https://here.example") is False
        ):
            yield f"<{each.tag}> leads elsewhere: {address}"
