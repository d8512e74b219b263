"""A child that ends with its parent."""

import os
import subprocess
import sys

import psutil

CHILD = "import sys, time; from fhir_server.serve.parent import die_with; die_with(int(sys.argv[1])); print('on', flush=True); time.sleep(60)"
PARENT = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, str(os.getpid())], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_child_is_killed_with_its_parent():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    assert psutil.wait_procs([child], timeout=10)[1] == []


def test_a_child_whose_parent_has_gone_already_does_not_begin():
    stranger = os.getppid()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(stranger)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "on" not in done.stdout.split()
