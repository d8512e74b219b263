"""`make bench`: what is written and what is asked, each with its CPU and the ratio to its floor.

docs/performance.md explains the figures and the options.
"""

import argparse
import asyncio
from contextlib import ExitStack

import uvloop

from tests.benchmarks import access, bearer, beside, live, measure, subscriptions
from tests.benchmarks.driver import drive, request
from tests.benchmarks.processes import bare, server
from tests.benchmarks.sustained import DEVICES, sustained
from tests.benchmarks.table import Report


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--small", action="store_true", help="a fifth of the work, for a quick look")
    parser.add_argument(
        "--only", default=",".join(measure.GROUPS), help=f"some of {','.join(measure.GROUPS)}"
    )
    parser.add_argument(
        "--minutes", type=float, help="how long `sustained` sends in each way: 10, small 0.25"
    )
    arguments = parser.parse_args()
    groups = frozenset(arguments.only.split(","))
    if unknown := groups - set(measure.GROUPS):
        parser.error(f"--only {','.join(unknown)} is unknown. It takes {','.join(measure.GROUPS)}.")
    scale, report = 5 if arguments.small else 1, Report()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for some, measured in ((measure.WRITES, measure.write), (measure.ASKED, measure.ask)):
            if groups.intersection(some):
                with server() as running:
                    runner.run(measured(running, report, groups, scale))
        if measure.AUDIT in groups:
            with server() as kept, server(FHIR_AUDIT="off") as unkept:
                runner.run(measure.audit(kept, unkept, report, scale))
        if measure.ACCESS in groups:
            with server() as running:
                runner.run(access.compare(running, report, measure.OBSERVATIONS // scale, 1_000 // scale))
        if measure.TOKEN_CHECK in groups:
            with server(FHIR_AUDIT="off") as running:
                runner.run(
                    bearer.compare(running, report, measure.OBSERVATIONS // 10 // scale, 5_000 // scale)
                )
        if measure.SUSTAINED in groups:
            minutes = arguments.minutes or (0.25 if arguments.small else 10)
            with server(workers=2) as running:
                runner.run(sustained(running, report, minutes, DEVICES // scale))
        if measure.LIVE in groups:
            with server(**live.MOST) as running:
                runner.run(live.measure(running, report, scale))
        if measure.SUBSCRIPTIONS in groups:
            with server(**subscriptions.ON_LOOPBACK) as running:
                runner.run(subscriptions.measure(running, report, scale))
        if measure.BESIDE in groups:
            with ExitStack() as stack:
                numbers = [max(min(many, 100), many // scale) for many in beside.NUMBERS]
                servers = [(many, stack.enter_context(server())) for many in numbers]
                runner.run(beside.compare(servers, report, scale))
        with bare("echo") as (port, _):
            load = runner.run(drive(port, (request("GET", "/", {}) for _ in range(20_000 // scale))))
            report.row("bare ASGI echo (floor of every request)", load, None)
    report.print()


if __name__ == "__main__":
    main()
