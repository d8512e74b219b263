"""Pages for people: plain HTML that needs no script, and the headers that keep others out of them.

https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

_FOLDER: Final = Path(__file__).parent / "pages"


def page(template: str, status: int = 200, /, *, leads_to: str | None = None, **values: object) -> Response:
    """The page of that name, filled in; its forms may lead to this server and, through it, to the app at `leads_to`."""
    text = _environment().get_template(f"{template}.html").render(values)
    return Response(text, status, headers(leads_to), media_type="text/html")


def see_other(location: str) -> Response:
    """The answer that sends a browser on, by GET, whatever it sent here."""
    return Response(status_code=303, headers={**headers(), "Location": location})


def style() -> Response:
    """The one style sheet of all pages."""
    lines = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_style(), headers=lines, media_type="text/css")


def headers(leads_to: str | None = None) -> dict[str, str]:
    """The headers of every page.

    Chromium holds redirects that follow a form to `form-action` too, so that it must name the app.
    """
    source = _source(leads_to) if leads_to else ""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self'{source and f' {source}'}",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _source(uri: str) -> str:
    """The origin of an app's address, or its scheme where that is its own; no part that could end the policy.

    Empty for what is no app's address: nobody registered it, a page was led to by hand.

    https://www.w3.org/TR/CSP3/#framework-directive-source-list
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    if not parts.netloc.isascii():
        return ""
    if parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{parts.netloc}".translate({ord(each): None for each in " ;,'\""})
    return f"{parts.scheme}:" if "." in parts.scheme else ""


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> bytes:
    return (_FOLDER / "style.css").read_bytes()
