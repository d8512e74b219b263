"""Simulated devices of every type, which send signed readings to a running server until they are stopped.

docs/devices.md

    fhir-server device add ox-1 --type pulse-oximeter --patient p1 --json      prints the secret
    echo '[{"name": "ox-1", "type": "pulse-oximeter", "secret": "…"}]' |
        python examples/simulators.py http://127.0.0.1:8000 --seed 7

`make run` shows the same devices. How they measure and sign is in fhir_server/demo/simulators: with the standard library alone,
by the addresses that any device may use.
"""

from fhir_server.demo.simulators.__main__ import main

if __name__ == "__main__":
    main()
