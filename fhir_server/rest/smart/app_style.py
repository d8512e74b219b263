"""How this server's pages look, for apps that want to look like them.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling
"""

import hashlib
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from fhir_server.json import dumps
from smart_auth.addresses import Addresses

STYLE: Final = MappingProxyType(
    {
        "color_background": "#ffffff",
        "color_error": "#b00020",
        "color_highlight": "#004a99",
        "color_modal_backdrop": "#1a1a1a",
        "color_success": "#1b5e20",
        "color_text": "#1a1a1a",
        "dim_border_radius": "4px",
        "dim_font_size": "17px",
        "dim_spacing_size": "16px",
        "font_family_body": "system-ui, sans-serif",
        "font_family_heading": "system-ui, sans-serif",
    }
)
_BODY: Final = dumps(dict(STYLE))

PATH: Final = f"/oauth/app-style/{hashlib.sha256(_BODY).hexdigest()[:8]}.json"
"""Another one whenever the style is another."""


def url(at: Addresses) -> str:
    """Where apps find the style."""
    return f"{at.issuer}{PATH}"


def app_style() -> Response:
    """The style."""
    return Response(_BODY, headers={"Cache-Control": "public, max-age=86400"}, media_type="application/json")
