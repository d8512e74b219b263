"""A waveform as Observations: the samples of each lead as they were recorded, in strips of bounded length.

https://hl7.org/fhir/R4/datatypes.html#SampledData
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from mappers.mapped import MappingContext, Resource
from mappers.metric import Metric, Signal
from mappers.metrics import metric
from mappers.occasion import occasion_of
from mappers.reading import Reading
from mappers.template import codeable_concept, template
from mappers.times import DeviceTime, from_datetime
from terminology import systems

STRIP: Final = timedelta(seconds=10)
"""What one Observation holds at most: the length of a resting ECG."""

KEPT_AS_FILE: Final = 30_000
"""A lead with more samples than this (half a minute of the fastest cardiograph) stays in its file, but for one strip."""

GAP: Final = "E"
_PERIOD_DIGITS: Final = 12
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Lead:
    """One channel: `samples` as recorded (None: no valid sample), each worth `factor`, from `origin` in the metric's unit."""

    metric: str
    samples: Sequence[int | None]
    factor: Decimal
    origin: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Waveform:
    """Leads that were sampled together, `rate` times a second; all have equally many samples.

    They begin `after` the recording; `part` tells them from others of it, which may begin at the same time.
    """

    metric: str
    rate: Fraction
    leads: tuple[Lead, ...]
    after: timedelta = timedelta()
    part: str = ""

    @property
    def ends(self) -> timedelta:
        """How long after the beginning of the recording they end."""
        return self.after + seconds(len(self.leads[0].samples), self.rate)


def excerpt(samples: int, rate: Fraction) -> int:
    """How many of the first `samples` of a lead become Observations: all, or one strip of what is kept as a file."""
    return samples if samples <= KEPT_AS_FILE else min(samples, _strip_length(rate))


def shortened(waveform: Waveform) -> Waveform:
    """What of `waveform` becomes Observations: itself, or the first strip of what is kept as a file."""
    length = len(waveform.leads[0].samples)
    count = excerpt(length, waveform.rate)
    if count == length:
        return waveform
    leads = tuple(replace(lead, samples=lead.samples[:count]) for lead in waveform.leads)
    return replace(waveform, leads=leads)


def waveform_observations(waveform: Waveform, reading: Reading, context: MappingContext) -> list[Resource]:
    """The strips of `waveform`, in order, of a recording that begins at the time of `reading`; a component for each lead."""
    panel = metric(waveform.metric)
    length = len(waveform.leads[0].samples)
    together = _strip_length(waveform.rate)
    return [
        _strip(panel, waveform, start, min(start + together, length), reading, context)
        for start in range(0, length, together)
    ]


def decimal(value: Fraction) -> Decimal:
    """`value`, exact where a decimal can be, else to 18 digits; without an exponent."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    rounded = exact if Fraction(exact) == value else Decimal(f"{exact:.{_DIGITS}g}")
    return Decimal(format(rounded.normalize(), "f"))


def seconds(samples: int, rate: Fraction) -> timedelta:
    """How long `samples` take."""
    return timedelta(microseconds=round(samples / rate * 1_000_000))


def later(time: DeviceTime, by: timedelta) -> DeviceTime:
    """The time that is `by` after `time`, with the digits that it needs."""
    if not by:
        return time
    digits = max(time.digits, 6 if by.microseconds % 1000 else 3 if by.microseconds else 0)
    return from_datetime(time.moment.astimezone(time.moment.tzinfo) + by, min(digits, 6))


def _strip_length(rate: Fraction) -> int:
    return max(1, int(rate * Fraction(STRIP / timedelta(seconds=1))))


def _strip(
    panel: Metric, waveform: Waveform, start: int, end: int, reading: Reading, context: MappingContext
) -> Resource:
    part = replace(
        reading,
        time=later(reading.time, waveform.after + seconds(start, waveform.rate)),
        duration=seconds(end - start, waveform.rate),
    )
    occasion = occasion_of(part, context)
    key = f"{panel.key}.{waveform.part}" if waveform.part else panel.key
    resource = occasion.fill(template(panel).head, key)
    resource["device"] = occasion.device
    resource["component"] = [_component(lead, waveform.rate, start, end) for lead in waveform.leads]
    return resource


def _component(lead: Lead, rate: Fraction, start: int, end: int) -> dict[str, object]:
    row = metric(lead.metric)
    assert row.signal is not None, "a lead of the registry is a signal"
    return {
        "code": codeable_concept(row),
        "valueSampledData": {
            "origin": _origin(lead, row.signal),
            "period": _period(rate),
            "factor": lead.factor,
            "dimensions": 1,
            "data": " ".join(_words(lead.samples[start:end])),
        },
    }


def _origin(lead: Lead, signal: Signal) -> dict[str, object]:
    return {"value": lead.origin, "unit": signal.human, "system": systems.UCUM, "code": signal.unit}


def _words(samples: Sequence[int | None]) -> Iterator[str]:
    return (GAP if sample is None else str(sample) for sample in samples)


def _period(rate: Fraction) -> int | Decimal:
    """The milliseconds from one sample to the next; those of 360 Hz have no end and are cut."""
    period = 1000 / rate
    if period.denominator == 1:
        return int(period)
    return Decimal(round(period * 10**_PERIOD_DIGITS)).scaleb(-_PERIOD_DIGITS).normalize()
