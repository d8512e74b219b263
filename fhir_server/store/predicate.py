"""The access predicate in SQL: which rows a caller may see, a required argument of every read.

https://www.hl7.org/fhir/R4/security.html#authorization
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition over the table alias `r` (`resource`), with its parameters in order."""

    sql: str
    params: tuple[object, ...] = ()


EVERYTHING = Predicate("TRUE")
NOTHING = Predicate("FALSE")
