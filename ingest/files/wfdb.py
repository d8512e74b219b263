"""A WFDB record: the header that was brought, with the signal and annotation files that it names.

https://physionet.org/physiotools/wag/header-5.htm
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Final

from ingest.errors import UnreadableFile
from ingest.files.began import LONGEST, began
from ingest.files.format import Contents, Document, Format, Incoming, Origin, Unit
from mappers.beats import Beats
from mappers.circumstances import Circumstances
from mappers.ecg import study
from mappers.event import Event
from mappers.reading import Reading
from mappers.recording import Recording, map_recording
from mappers.times import DeviceTime
from mappers.waveform import KEPT_AS_FILE, Lead, Waveform, decimal, excerpt, seconds
from terminology import systems
from terminology.service import Coding

if TYPE_CHECKING:
    from ingest.decoders.wfdb import Channel, Record

MAX_EVENTS: Final = 1_000
"""So many beats that are not normal are Observations of their own; of more, the counts say how many there are."""

_HEADER: Final = ".hea"
_NORMAL: Final = "N"
_LEADS: Final = {
    name.upper(): f"ecg-lead-{name.lower()}" for name in ("I", "II", "III", "aVR", "aVL", "aVF", "MLII")
} | {f"V{number}": f"ecg-lead-v{number}" for number in range(1, 7)}
_MICROVOLTS: Final = {"uV": 1, "µV": 1, "mV": 1_000, "V": 1_000_000}


class Wfdb(Format):
    """Records in the format of PhysioNet's waveform database library; the header comes with its other files."""

    name: Final = "wfdb"

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether it is called as headers are, and is text."""
        return name.lower().endswith(_HEADER) and b"\0" not in head

    def parts(self, file: Incoming) -> Iterable[str]:
        """The signal files of the header that are there, and its annotations."""
        from ingest.decoders import wfdb

        try:
            named = wfdb.parts(file.path)
        except UnreadableFile:
            return ()
        return [name for name in named if name in file.beside]

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """The record as one unit; raises UnreadableFile as `decoders.wfdb.record` does, and for one without a date."""
        # numpy is slow to import
        from ingest.decoders import wfdb

        rate = wfdb.rate(file.path)
        record = wfdb.record(file.path, file.beside, lambda length: excerpt(length, rate))
        start = _start(record, origin)
        leads = [lead for each in record.channels if (lead := _lead(each)) is not None]
        reading = Reading(
            device=origin.device.name,
            profile=origin.device.profile,
            time=start,
            received=origin.received,
            fields={},
            duration=seconds(record.length, record.header.rate),
            circumstances=_circumstances(record),
        )
        recording = Recording(
            events=_events(record),
            beats=_beats(record),
            waveform=Waveform("ecg-waveform", record.header.rate, tuple(leads)) if leads else None,
        )
        unit = Unit((reading,), partial(map_recording, recording), where=f"record {record.header.record}")
        return Contents(
            (unit,),
            tuple(_notes(record, origin)),
            _document(record, reading),
            zone_assumed=record.header.start is not None,
        )


def _start(record: "Record", origin: Origin) -> DeviceTime:
    if record.length / record.header.rate > LONGEST.total_seconds():
        raise UnreadableFile(
            f"The record lasts longer than {LONGEST.days} days: its sampling frequency cannot be."
        )
    start = began(record.header.start, origin)
    if start is None:
        raise UnreadableFile(
            f"The record line of {record.header.record} has no date, so that nobody knows when it was recorded. "
            "Say it with `start`."
        )
    return start


def _lead(channel: "Channel") -> Lead | None:
    """The lead that the channel is; None for a name that is none of them, or where nothing says how large its steps are."""
    signal = channel.signal
    metric, microvolts = _LEADS.get(signal.name.upper()), _MICROVOLTS.get(signal.unit)
    if metric is None or microvolts is None or signal.gain is None:
        return None
    step = microvolts / Fraction(signal.gain)
    return Lead(metric, channel.samples, decimal(step), decimal(-signal.baseline * step))


def _circumstances(record: "Record") -> Circumstances | None:
    comments = tuple(each for each in record.header.comments if each)
    return Circumstances(notes=comments) if comments else None


def _beats(record: "Record") -> Beats | None:
    beats = [each for each in record.annotations if each.beat is not None]
    if not beats:
        return None
    counts = Counter(_coding(each.code, each.beat) for each in beats)
    return Beats(counts, (beats[-1].sample - beats[0].sample) / record.header.rate)


def _events(record: "Record") -> tuple[Event, ...]:
    """Each beat that is not normal, unless there are too many, and what else was annotated with words."""
    beats = [each for each in record.annotations if each.beat is not None and each.code != _NORMAL]
    others = [each for each in record.annotations if each.beat is None and each.text]
    rate = record.header.rate
    found = [
        Event("ecg-beat", _after(each.sample, rate), each.beat or "", code=_coding(each.code, each.beat))
        for each in (beats if len(beats) <= MAX_EVENTS else ())
    ]
    found += [
        Event("recording-event", _after(each.sample, rate), each.text, code=_coding(each.code, None))
        for each in others[:MAX_EVENTS]
    ]
    return tuple(found)


def _after(sample: int, rate: Fraction) -> timedelta:
    return seconds(sample, rate)


def _coding(code: str, display: str | None) -> Coding:
    return Coding(systems.WFDB_ANNOTATION, code, display)


def _document(record: "Record", reading: Reading) -> Document | None:
    """How the record is kept, where not all of it became Observations."""
    if record.length <= KEPT_AS_FILE and all(_lead(each) is not None for each in record.channels):
        return None
    start = reading.time.moment
    end = start + (reading.duration or timedelta())
    return Document(f"ECG recording {record.header.record}", "text/plain", study(), start=start, end=end)


def _notes(record: "Record", origin: Origin) -> Iterable[str]:
    yield f"{record.length} samples of {', '.join(each.signal.name or 'a signal' for each in record.channels)}"
    unknown = [
        each.signal.name or "a signal without a name" for each in record.channels if _lead(each) is None
    ]
    if unknown:
        yield f"not stored as samples, since the lead or its calibration is not known: {', '.join(unknown)}"
    if record.length > KEPT_AS_FILE:
        yield "of the waveform the first strip is stored as samples"
    if record.header.start is not None:
        yield f"the header states no time zone; {origin.zone_name} is assumed"
    beats = sum(each.beat is not None and each.code != _NORMAL for each in record.annotations)
    if beats > MAX_EVENTS:
        yield f"{beats} beats are counted by kind and not stored one by one: more than {MAX_EVENTS}"
