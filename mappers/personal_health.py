"""What an Observation of the Personal Health Device guide says that a reading of one of our device types has no field for.

https://build.fhir.org/ig/HL7/phd/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from terminology.service import Coding

# A JSON tree, as the resources are.
Tree: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Sampled:
    """A strip of the signal `metric` (a key of the registry) as the SampledData that was sent, already checked."""

    metric: str
    samples: Tree


@dataclass(frozen=True, slots=True)
class SourceCoded:
    """A technical state of the device under the source's own `code`, the MDC number `number`; `content` is its value.

    No row of the registry vouches for it, and nothing clinical is ever kept this way.
    """

    number: str
    code: Tree
    content: Tree


@dataclass(frozen=True, slots=True)
class PersonalHealth:
    """What surrounds the values of one Observation, whose reading calls its fields by their MDC numbers.

    `codings` are those sent of each. `gateway` is the name of the device that passed it on, `identifiers` what the source calls the measurement, as
    (system, value). An Observation without fields is `sampled` or `source_coded`.
    """

    codings: Mapping[str, tuple[Coding, ...]] = field(default_factory=dict)
    interpretation: tuple[Coding, ...] = ()
    gateway: str | None = None
    identifiers: tuple[tuple[str | None, str], ...] = ()
    sampled: Sampled | None = field(default=None, repr=False)
    source_coded: SourceCoded | None = field(default=None, repr=False)
