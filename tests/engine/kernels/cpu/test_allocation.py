"""Freed arrays are reused: a second array of the same size causes no page faults. The user's own settings stand."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
import volley as vl
vl.Session(device="cpu")

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(2 * 1024 * 1024 // 8).fill(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.mark.parametrize(
    ("environment", "kept"),
    [
        ({}, True),
        ({"MALLOC_TRIM_THRESHOLD_": "65536"}, True),  # what Dask's nannies give every worker, whoever starts it
        ({"MALLOC_MMAP_THRESHOLD_": "131072"}, False),
        ({"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}, False),
    ],
)
def test_page_faults_of_a_second_array(environment: dict[str, str], kept: bool) -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True)
    assert (int(done.stdout) < 50) == kept
