"""`fhir-server demo`: placeholder.

https://hl7.org/fhir/R4/
"""


def demo() -> None:
    """Run."""
