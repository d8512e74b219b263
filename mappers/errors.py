"""What can go wrong in this package.

https://hl7.org/fhir/R4/valueset-issue-type.html

    MapperError
    ├── InvalidDeclaration   the registry or a device profile is wrong: file, line and what to do
    ├── InvalidTemplate      a template of another server cannot be read
    ├── UnknownProfile       no device profile has this name
    ├── WeakKey              the server's identity key is too short
    ├── InvalidTime          a device's time cannot be read
    └── NotSelectable        a path is not taken, or does not apply to what was sent
"""


class MapperError(Exception):
    """Any failure of this package."""


class InvalidDeclaration(MapperError):
    """The metric registry or a device profile says something it must not; the text names file and line.

    Of several mistakes each has a line of the text; `line` is where the first stands.
    """

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


class InvalidTemplate(MapperError):
    """A template of another server is not what it should be; the text names the file and where."""


class UnknownProfile(MapperError):
    """No device profile has this name."""


class WeakKey(MapperError):
    """The server's identity key is too short to keep ids from being guessed."""


class InvalidTime(MapperError):
    """A device stated a time that cannot be read; `code` and `element` go into the OperationOutcome."""

    def __init__(self, code: str, element: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.element = element
        self.text = text


class NotSelectable(MapperError):
    """A path that a device type declares is not taken, or does not apply to what was sent."""
