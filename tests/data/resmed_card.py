"""The nightly summary of a ResMed card, made with edfio's writer: three days, one of them without use.

https://www.edfplus.info/specs/edf.html
"""

from datetime import time
from io import BytesIO

import edfio
import numpy as np

# label: unit, physical range, digital range, one digital value for each day
CARD = {
    "Date": ("", (0, 24836), (0, 24836), [19590, 19591, 19592]),
    "Duration": ("min.", (0, 1440), (0, 1440), [254, 0, 130]),
    "Mode": ("", (0, 16), (0, 16), [0, 0, 1]),
    "S.C.Press": ("cmH2O", (4, 20), (200, 1000), [350, 350, 350]),
    "S.AS.MinPress": ("cmH2O", (4, 20), (200, 1000), [350, 350, 380]),
    "S.AS.MaxPress": ("cmH2O", (4, 20), (200, 1000), [600, 600, 600]),
    "MaskPress.50": ("cmH2O", (0, 30), (0, 1500), [270, -1, 396]),
    "MaskPress.95": ("cmH2O", (0, 30), (0, 1500), [276, -1, 498]),
    "MaskPress.Max": ("cmH2O", (0, 30), (0, 1500), [276, -1, 582]),
    "Leak.50": ("L/s", (0, 2), (0, 100), [2, -1, 1]),
    "Leak.95": ("L/s", (0, 2), (0, 100), [13, -1, 25]),
    "Leak.Max": ("L/s", (0, 2), (0, 100), [19, -1, 31]),
    "AHI": ("", (0, 240), (0, 2400), [2, -1, -1]),
    "OAI": ("", (0, 240), (0, 2400), [0, -1, 2]),
    "CAI": ("", (0, 240), (0, 2400), [0, -1, 0]),
    "UAI": ("", (0, 240), (0, 2400), [0, -1, 0]),
}


# the device that numbers its modes as this server reads them
AIRSENSE_10 = "Startdate 21-AUG-2023 X X X SRN=00000000000  MID=36  VID=39"


def card(signals=CARD, recording=AIRSENSE_10):
    """`STR.edf` of as many days as the shortest signal has numbers; of the others, a day has several."""
    count = min(len(digital) for *_, digital in signals.values())
    made = [
        edfio.EdfSignal(
            np.array([float(physical[0])] * len(digital)),
            len(digital) // count / 86400,
            label=label,
            physical_dimension=unit,
            physical_range=physical,
            digital_range=span,
        )
        for label, (unit, physical, span, digital) in signals.items()
    ]
    file = edfio.Edf(made, data_record_duration=86400, starttime=time(12))
    out = BytesIO()
    file.write(out)
    content = bytearray(out.getvalue())
    content[88:168] = recording.encode().ljust(80)
    days = [np.array(digital, dtype="<i2").reshape(count, -1) for *_, digital in signals.values()]
    samples = np.concatenate(days, axis=1).tobytes()
    content[-len(samples) :] = samples
    return bytes(content)
