"""The nightly summary on a ResMed card (`STR.edf`): each night is a unit.

https://www.edfplus.info/specs/edf.html
"""

from dataclasses import replace
from typing import Final

from ingest.files.format import Contents, Format, Incoming, Origin, Unit
from mappers.reading import Reading

_EDF: Final = b"0       "  # the version in the header of every EDF file
_SIGNALS: Final = slice(252, 256)
_LABEL: Final = 16
_NAME: Final = "str.edf"
_OF_A_SUMMARY: Final = frozenset({b"Date", b"Duration"})


class ResmedNights(Format):
    """EDF files with a signal for the day and one for the minutes of use."""

    name: Final = "resmed-nights"

    @property
    def is_continued(self) -> bool:
        """A card has its nights as long as there is room."""
        return True

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether it is EDF and has such signals, or breaks off before they are named and is called as cards call it."""
        if head[:8] != _EDF:
            return False
        return name.rpartition("/")[2].lower() == _NAME or _labels(head) >= _OF_A_SUMMARY

    def read(self, file: Incoming, origin: Origin) -> Contents:
        """The nights; raises UnreadableFile for a file that is not complete."""
        # edfio brings numpy, which is slow to import
        from ingest.decoders import resmed

        nights = resmed.decode(file.path.read_bytes(), origin.device, origin.received, origin.zone)
        readings = map(_corrected, nights.readings) if origin.corrects_zone else nights.readings
        counts = f"{len(nights.readings)} nights; {nights.unused} days without use"
        notes = [f"{counts}; the card states no zone, {origin.zone_name} is assumed"]
        if nights.modes:
            modes = ", ".join(map(str, nights.modes))
            notes.append(f"settings not stored, since these modes of this device are not known here: {modes}")
        units = [Unit((reading,), where=f"night of {reading.time.moment:%Y-%m-%d}") for reading in readings]
        return Contents(units, tuple(notes), zone_assumed=True)


def _corrected(night: Reading) -> Reading:
    """The night whatever is stored of it: its date of change was of another zone, too."""
    return replace(night, corrects=True, revised=None)


def _labels(head: bytes) -> set[bytes]:
    count = head[_SIGNALS].strip()
    signals = int(count) if count.isdigit() else 0
    return {head[start : start + _LABEL].strip() for start in range(256, 256 + signals * _LABEL, _LABEL)}
