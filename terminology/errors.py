"""What can go wrong with a code or a unit.

https://hl7.org/fhir/R4/terminologies.html

    TerminologyError
    ├── InvalidUnit              not a UCUM code
    ├── NotConvertible           both are units, and they measure different things
    └── TerminologyUnavailable   the question needs a terminology service and there is none
"""


class TerminologyError(Exception):
    """Any failure of this package."""


class InvalidUnit(TerminologyError):
    """The text is not a UCUM code."""


class NotConvertible(TerminologyError):
    """The two units measure different things."""


class TerminologyUnavailable(TerminologyError):
    """No terminology service can answer."""
