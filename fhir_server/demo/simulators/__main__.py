"""The simulated devices as a process: their names, types and secrets on standard input, a line for each message on its output.

docs/devices.md

    fhir-server device add ox-1 --type pulse-oximeter --patient p1 --json      prints the secret
    echo '[{"name": "ox-1", "type": "pulse-oximeter", "secret": "…"}]' |
        python examples/simulators.py http://127.0.0.1:8000 --seed 7
"""

import argparse
import heapq
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from fhir_server.demo.simulators.body import (
    activity_tracker,
    continuous_glucose_monitor,
    glucose_meter,
    scale,
)
from fhir_server.demo.simulators.message import Device, Message, send
from fhir_server.demo.simulators.phone import phone
from fhir_server.demo.simulators.therapy import apap, bipap, cpap, oxygen_concentrator, ventilator
from fhir_server.demo.simulators.vital_signs import (
    bedside_monitor,
    blood_pressure,
    ecg_monitor,
    edge_monitor,
    edge_monitor_body_probe,
    pulse_oximeter,
    respiration_monitor,
    thermometer,
)

SIMULATORS: dict[str, tuple[Callable[[random.Random], Iterator[Message]], int]] = {
    "pulse-oximeter": (pulse_oximeter, 6),
    "blood-pressure": (blood_pressure, 30),
    "bedside-monitor": (bedside_monitor, 15),
    "cpap": (cpap, 40),
    "apap": (apap, 40),
    "bipap": (bipap, 40),
    "oxygen-concentrator": (oxygen_concentrator, 30),
    "ventilator": (ventilator, 25),
    "ecg-monitor": (ecg_monitor, 25),
    "thermometer": (thermometer, 60),
    "respiration-monitor": (respiration_monitor, 20),
    "glucose-meter": (glucose_meter, 60),
    "continuous-glucose-monitor": (continuous_glucose_monitor, 30),
    "scale": (scale, 90),
    "activity-tracker": (activity_tracker, 45),
    "phone": (phone, 30),
    "edge-monitor": (edge_monitor, 15),
    "edge-monitor-body-probe": (edge_monitor_body_probe, 25),
}
"""For each device type what it sends, and the seconds between two messages of one device."""


def main() -> None:
    """Nothing; goes on until it is stopped, or nobody reads what it prints."""
    with suppress(KeyboardInterrupt, BrokenPipeError):
        run()


def run() -> None:
    """Nothing; each message and its answer is printed as a line of JSON."""
    parser = argparse.ArgumentParser(prog="python examples/simulators.py", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same values")
    parser.add_argument("--speed", type=float, default=1, help="so many times as fast")
    parser.add_argument("--messages", type=int, help="end after so many")
    arguments = parser.parse_args()
    devices = [Device(**each) for each in json.load(sys.stdin)]
    for number, (device, message) in enumerate(ward(devices, arguments.seed, arguments.speed), 1):
        print(json.dumps(exchanged(arguments.url, device, message)), flush=True)
        if number == arguments.messages:
            break


def ward(devices: list[Device], seed: int, speed: float) -> Iterator[tuple[Device, Message]]:
    """Each device's messages when they are due: at first one a second, in the order of the devices."""
    sources = [SIMULATORS[each.type][0](random.Random(f"{seed}/{each.name}")) for each in devices]
    started = time.monotonic()
    due = [(float(number), number) for number in range(len(devices))]
    while due:
        at, number = heapq.heappop(due)
        time.sleep(max(0.0, started + at / speed - time.monotonic()))
        yield devices[number], next(sources[number])
        heapq.heappush(due, (at + SIMULATORS[devices[number].type][1], number))


def exchanged(url: str, device: Device, message: Message) -> dict[str, object]:
    """The message with what was answered; `status` 0 when there was no answer."""
    sent: dict[str, object] = {"device_id": device.name, "path": message.path, "message": message.body}
    try:
        status, answer = send(url, device, message)
    except (OSError, ValueError) as error:
        return {**sent, "status": 0, "answer": None, "reason": str(error)}
    return {**sent, "status": status, "answer": answer}


if __name__ == "__main__":
    main()
