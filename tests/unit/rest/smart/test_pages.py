"""Each page, as a screen reader, a keyboard and a stranger's browser see it."""

import re
from datetime import UTC, datetime
from itertools import product

import pytest

from fhir_server.rest.smart.page import headers, page, style
from fhir_server.rest.smart.told import Choice
from fhir_server.rest.smart.words import lines
from smart_auth.users import User
from tests.pages import faults, read

NASTY = "<b>\"&'"
ANNA = User("1", NASTY, "practitioner", password_until=datetime(2030, 1, 1, tzinfo=UTC))
CHOICES = (Choice("p1", NASTY, "born 1980-01-01"), Choice("p2", "Bert", ""))
SOUGHT = {"name": NASTY, "birthdate": "x", "identifier": ""}
COMMON = {"token": "t", "user": ANNA, "app": NASTY, "request": NASTY}
SCOPES = ("patient/*.cruds", "patient/Observation.rs?category=x|vital-signs", "openid")
CONSENT = COMMON | {
    "place": "app.example",
    "patient": CHOICES[0],
    "may_choose_again": True,
    "about": "p1",
    "lines": lines(SCOPES, NASTY),
    "lasting": lines(["offline_access"], None),
    "days": 90,
    "kept": SCOPES[:2],
    "mistakes": (),
}
APP = {"id": NASTY, "name": NASTY, "since": datetime(2030, 1, 1, tzinfo=UTC), "last_used": None}
PAGES = {
    "login": {"token": "t", "next": NASTY, "name": NASTY, "app": NASTY, "mistakes": ()},
    "password": {"token": "t", "next": "", "user": ANNA, "least": 12, "mistakes": ()},
    "patient": COMMON | {"searchable": True, "sought": SOUGHT, "found": CHOICES, "next": "c", "mistakes": ()},
    "encounter": COMMON | {"patient": CHOICES[0], "found": CHOICES},
    "consent": CONSENT,
    "apps": COMMON | {"apps": [APP | {"lines": lines(SCOPES, None)}], "revoked": True},
    "logged_out": {},
    "error": {"title": "No", "text": NASTY},
}
MISTAKES = {
    "login": "name",
    "password": "new",
    "patient": "birthdate",
    "consent": "scope-1",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shuts_nobody_out_and_lets_no_markup_in(name):
    html = page(name, **PAGES[name]).body.decode()
    assert faults(html) == []
    assert "<b>" not in html
    assert not list(read(html).all("b"))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said_in_the_title_and_first_and_leads_to_its_field(name):
    html = page(name, **PAGES[name] | {"mistakes": [(MISTAKES[name], "It is wrong.")]}).body.decode()
    assert faults(html) == []
    root = read(html)
    assert next(root.all("title")).text.startswith("Error: ")
    alert = next(each for each in root.all("div") if each.get("role") == "alert")
    assert "autofocus" in alert.attributes
    assert [(link.get("href"), link.text) for link in alert.all("a")] == [
        (f"#{MISTAKES[name]}", "It is wrong.")
    ]


def test_what_shuts_people_out_is_noticed():
    html = (
        '<html><head><title></title></head><body><main><h1>A</h1><h3>B</h3><input name="x" type="text">'
        '<a href="https://elsewhere.example/"></a><p style="color:red" id="a" aria-describedby="b">'
        '<button onclick="x()">X</button></p><form method="post" action="y"></form></main></body></html>'
    )
    assert len(faults(html)) == 12


@pytest.mark.item("smart-A10")
def test_no_page_can_be_framed_kept_or_scripted():
    lines = headers()
    policy = lines["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.endswith("form-action 'self'")
    assert "unsafe" not in policy
    assert lines["X-Frame-Options"] == "DENY"
    assert lines["Referrer-Policy"] == "no-referrer"
    assert lines["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://app.example/back?x=1", "https://app.example"),
        ("http://127.0.0.1:9999/back", "http://127.0.0.1:9999"),
        ("com.example.app:/back", "com.example.app:"),
        ("https://app.example; script-src *,x/back", "https://app.examplescript-src*x"),
    ],
)
@pytest.mark.item("smart-A10")
def test_a_form_may_lead_to_the_app_that_asks_and_nowhere_else(uri, source):
    assert headers(uri)["Content-Security-Policy"].endswith(f"form-action 'self' {source}")


def test_every_colour_is_read_against_its_ground_in_the_light_and_in_the_dark():
    css = style().body.decode()
    light = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", css.split("@media")[0]))
    dark = light | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", css.split("@media")[1]))
    read_on = [("on-deed", "deed"), *product(("text", "quiet", "link", "bad"), ("back", "panel"))]
    for theme in (light, dark):
        assert [pair for pair in read_on if _contrast(theme[pair[0]], theme[pair[1]]) < 4.5] == []
        assert _contrast(theme["line"], theme["back"]) >= 3


def _contrast(one, other):
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
