"""Simulated devices of every type, which send signed readings to a running server until they are stopped.

docs/devices.md

They are written as a device's maker would write them: standard library only, and nothing but the addresses that any device may
use. `python examples/simulators.py --help` says how they are run.

    message       a message on its way, and the headers that prove which device sends it
    vital_signs   devices that watch a resting person
    therapy       devices that treat, by the night or by the minute
    body          scale, glucose meter and sensor, activity tracker
    phone         Open mHealth and Health Connect
"""
