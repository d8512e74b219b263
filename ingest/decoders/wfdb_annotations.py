"""The annotations of a WFDB record in the MIT format: each beat with the annotator's code.

https://physionet.org/physiotools/wag/annot-5.htm
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ingest.errors import UnreadableFile

MAX_ANNOTATIONS: Final = 1_000_000

# number: the code that stands for it, and what the annotator means by it
_BEATS: Final = MappingProxyType(
    {
        1: ("N", "Normal beat"),
        2: ("L", "Left bundle branch block beat"),
        3: ("R", "Right bundle branch block beat"),
        4: ("a", "Aberrated atrial premature beat"),
        5: ("V", "Premature ventricular contraction"),
        6: ("F", "Fusion of ventricular and normal beat"),
        7: ("J", "Nodal (junctional) premature beat"),
        8: ("A", "Atrial premature beat"),
        9: ("S", "Premature or ectopic supraventricular beat"),
        10: ("E", "Ventricular escape beat"),
        11: ("j", "Nodal (junctional) escape beat"),
        12: ("/", "Paced beat"),
        13: ("Q", "Unclassifiable beat"),
        25: ("B", "Bundle branch block beat, unspecified"),
        30: ("?", "Beat not classified during learning"),
        34: ("e", "Atrial escape beat"),
        35: ("n", "Supraventricular escape beat"),
        38: ("f", "Fusion of paced and normal beat"),
        41: ("r", "R-on-T premature ventricular contraction"),
    }
)
_OTHERS: Final = MappingProxyType(
    {14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=", 24: "p", 26: "^", 27: "t"}
    | {28: "+", 29: "u", 31: "!", 32: "[", 33: "]", 36: "@", 37: "x", 39: "(", 40: ")"}
)
_SKIP, _NUMBER, _SUBTYPE, _CHANNEL, _TEXT = 59, 60, 61, 62, 63
_RESOLUTION: Final = b"## time resolution:"


@dataclass(frozen=True, slots=True)
class Annotation:
    """What the annotator saw at `sample`: its code (`N`, `V`, `+`), what kind of `beat` that is, if any, and further words."""

    sample: int
    code: str
    beat: str | None = None
    text: str = ""


def annotations(content: bytes, end: int) -> tuple[Annotation, ...]:
    """The annotations in `content`, in their order.

    Raises UnreadableFile with the byte for an unknown code, a time beyond `end` samples or before the last one, and a file
    without its end mark.
    """
    found: list[Annotation] = []
    position, sample = 0, 0
    while True:
        if position + 2 > len(content):
            raise UnreadableFile(f"The annotations end at byte {len(content)} without their end mark.")
        word = int.from_bytes(content[position : position + 2], "little")
        kind, step = word >> 10, word & 0x3FF
        place, position = position, position + 2
        if word == 0:
            return tuple(found)
        if kind == _SKIP:
            sample += _interval(content, position)
            position += 4
        elif kind == _TEXT:
            said = content[position : position + step]
            position += step + step % 2
            if found and len(said) == step:
                found[-1] = _with_text(found[-1], said, place)
        elif kind not in (_NUMBER, _SUBTYPE, _CHANNEL):
            sample += step
            _check_time(sample, found[-1].sample if found else 0, end, place)
            found.append(_annotation(kind, sample, place))
            if len(found) > MAX_ANNOTATIONS:
                raise UnreadableFile(f"There are more than {MAX_ANNOTATIONS} annotations.")


def _interval(content: bytes, position: int) -> int:
    """A long interval: its upper half stands first."""
    high, low = content[position : position + 2], content[position + 2 : position + 4]
    return int.from_bytes(low + high, "little", signed=True)


def _annotation(kind: int, sample: int, place: int) -> Annotation:
    if (beat := _BEATS.get(kind)) is not None:
        return Annotation(sample, *beat)
    code = _OTHERS.get(kind)
    if code is None:
        raise UnreadableFile(f"Byte {place} of the annotations has the code {kind}, which is none.")
    return Annotation(sample, code)


def _check_time(sample: int, last: int, end: int, place: int) -> None:
    if not last <= sample <= end:
        raise UnreadableFile(
            f"Byte {place} of the annotations is at sample {sample}, not from {last} to {end}, where the record ends."
        )


def _with_text(last: Annotation, said: bytes, place: int) -> Annotation:
    if said.startswith(_RESOLUTION):
        raise UnreadableFile(
            f"Byte {place} of the annotations gives them a time resolution of their own, which is not read."
        )
    text = said.rstrip(b"\0").decode("latin-1")
    return replace(last, text=text)
