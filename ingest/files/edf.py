"""EDF and EDF+ files: the detailed recordings of a ResMed card, and the known signals of any other.

https://www.edfplus.info/specs/edfplus.html
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ingest.errors import UnreadableFile
from ingest.files.began import began, check_duration
from ingest.files.format import Contents, Document, Format, Incoming, Origin, Unit
from mappers.distribution import Distribution
from mappers.ecg import study
from mappers.event import Event
from mappers.reading import Reading
from mappers.recording import Recording, map_recording
from mappers.times import DeviceTime
from mappers.waveform import KEPT_AS_FILE, Lead, Waveform, decimal, excerpt
from terminology import systems
from terminology.service import Coding

if TYPE_CHECKING:
    from ingest.decoders import edf

_EDF: Final = b"0       "  # the version in the header of every EDF file

# label and unit of a signal: what a device type calls it
_MEASURED: Final = MappingProxyType(
    {
        ("MaskPress.2s", "cmH2O"): "airwayPressure",
        ("Leak.2s", "L/s"): "leak",
        ("RespRate.2s", "bpm"): "respiratoryRate",
        ("TidVol.2s", "L"): "tidalVolume",
        ("MinVent.2s", "L/min"): "minuteVentilation",
        ("Pulse.1s", "bpm"): "pulseRate",
        ("SpO2.1s", "%"): "spo2",
        ("SpO2", "%"): "spo2",
    }
)
_LEADS: Final = MappingProxyType(
    {f"ECG {name}": f"ecg-lead-{name.lower()}" for name in ("I", "II", "III", "aVR", "aVL", "aVF")}
    | {f"ECG V{number}": f"ecg-lead-v{number}" for number in range(1, 7)}
)
_MICROVOLTS: Final = MappingProxyType({"uV": 1, "mV": 1_000})
_MARKS: Final = frozenset({"Recording starts", "Recording ends"})
"""What a ResMed device annotates of itself: no events."""

_NOON: Final = timedelta(hours=12)
_SIGNALS: Final = Coding(systems.LOCAL_DOCUMENT, "signal-recording", "Recording of signals")


class EdfRecording(Format):
    """EDF files that are no nightly summary."""

    name: Final = "edf"

    def recognises(self, head: bytes, name: str) -> bool:  # noqa: ARG002 - the version is sign enough
        """Whether it begins as every EDF file does."""
        return head[:8] == _EDF

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """The recording as one unit, none if it holds nothing that becomes an Observation.

        Raises UnreadableFile, saying where, for a file that is broken, or does not say when it began.
        """
        # edfio brings numpy, which is slow to import
        from ingest.decoders import edf

        found = edf.recording(file.path)
        start = _start(found, origin)
        recording = _recording(found)
        document = _document(found, start, file) if found.signals else None
        notes = tuple(_notes(found, origin))
        if not recording.distributions and not recording.events and recording.waveform is None:
            return Contents((), notes, document, zone_assumed=found.start is not None)
        reading = Reading(
            device=origin.device.name,
            profile=origin.device.profile,
            time=start,
            received=origin.received,
            fields={},
            duration=found.duration or None,
            night=_night(start) if found.is_resmed else None,
        )
        unit = Unit((reading,), partial(map_recording, recording), where=f"recording of {start.text[:16]}")
        return Contents((unit,), notes, document, zone_assumed=found.start is not None)


def _start(found: "edf.Recording", origin: Origin) -> DeviceTime:
    said = ((abs(each.after), each.duration or timedelta()) for each in found.annotations)
    check_duration(found.duration, *(each for both in said for each in both))
    start = began(found.start, origin)
    if start is None:
        raise UnreadableFile("The header hides the date of the recording. Say when it began with `start`.")
    return start


def _recording(found: "edf.Recording") -> Recording:
    return Recording(
        distributions=tuple(_distributions(found)),
        events=tuple(_events(found)),
        waveform=_waveform(found),
    )


def _night(start: DeviceTime) -> date:
    """The day on which the night began: from noon to noon, as the summary on the card has it."""
    return (start.moment - _NOON).date()


def _distributions(found: "edf.Recording") -> Iterator[Distribution]:
    for signal in found.signals:
        field = _field(signal)
        if field is not None:
            counts, absent = signal.counts()
            yield Distribution(field, signal.unit, counts, absent)


def _field(signal: "edf.Signal") -> str | None:
    """What a device type calls the signal; None for one that is not known or has no calibration."""
    return _MEASURED.get((signal.label, signal.unit)) if signal.is_calibrated else None


def _events(found: "edf.Recording") -> Iterator[Event]:
    metric = "respiratory-event" if found.is_resmed else "recording-event"
    for each in found.annotations:
        if each.text and not (found.is_resmed and each.text in _MARKS):
            yield Event(metric, each.after, each.text, each.duration)


def _leads(found: "edf.Recording") -> list["edf.Signal"]:
    """The signals that are leads, all of one rate: those sampled otherwise than the first are not stored with it."""
    leads = [each for each in found.signals if _is_lead(each)]
    return [each for each in leads if each.rate == leads[0].rate]


def _is_lead(signal: "edf.Signal") -> bool:
    return signal.label in _LEADS and signal.unit in _MICROVOLTS and signal.is_calibrated


def _waveform(found: "edf.Recording") -> Waveform | None:
    leads = _leads(found)
    if not leads:
        return None
    rate = leads[0].rate
    count = excerpt(len(leads[0].digital), rate)
    return Waveform("ecg-waveform", rate, tuple(_lead(each, count) for each in leads))


def _lead(signal: "edf.Signal", count: int) -> Lead:
    microvolts = _MICROVOLTS[signal.unit]
    step, origin = decimal(signal.step * microvolts), decimal(signal.origin * microvolts)
    return Lead(_LEADS[signal.label], signal.samples(count), step, origin)


def _document(found: "edf.Recording", start: DeviceTime, file: Incoming) -> Document | None:
    """How the file is kept, unless all of it became samples and events."""
    leads = _leads(found)
    if len(leads) == len(found.signals) and len(leads[0].digital) <= KEPT_AS_FILE:
        return None
    return Document(
        title=file.bare_name,
        content_type="application/octet-stream",
        type=study() if leads else _SIGNALS,
        start=start.moment,
        end=start.moment + found.duration,
    )


def _notes(found: "edf.Recording", origin: Origin) -> Iterable[str]:
    leads = _leads(found)
    kept = [each.label for each in found.signals if each not in leads and _field(each) is None]
    if kept:
        yield f"in the kept file only, since nothing here says what they mean: {', '.join(kept)}"
    if leads and len(leads[0].digital) > KEPT_AS_FILE:
        yield "of the waveform the first strip is stored as samples"
    if found.start is not None:
        yield f"the file states no time zone; {origin.zone_name} is assumed"
