"""The simulated devices as examples: whoever reads them needs Python alone, and the server's addresses."""

import ast
import sys
from pathlib import Path

import pytest

import fhir_server.demo.simulators as package

MODULES = sorted(Path(package.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_simulated_device_knows_nothing_of_the_server_s_inside(module):
    named = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            named |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            named.add(node.module)
    others = {name for name in named if not f"{name}.".startswith(f"{package.__name__}.")}

    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names
