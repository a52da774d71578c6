"""What `volley doctor` says of GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from volley.cli import gpus

DRIVER = """NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder)
GCC version:  gcc version 13.3.0
"""
SMI = """#!/bin/sh
case "$1" in
  --query-gpu*) echo "0, NVIDIA H100 80GB HBM3, 81559 MiB"; echo "1, NVIDIA H100 80GB HBM3, 81559 MiB" ;;
  nvlink) printf 'GPU 0: x\\n\\t Link 0: 26.562 GB/s\\n\\t Link 1: 26.562 GB/s\\n' ;;
esac
"""


def doctor(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "volley", "doctor"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], **environment},
    )
    return done.stdout


def test_the_simulator_is_called_so_and_is_not_used_by_itself() -> None:
    text = doctor(VOLLEY_SIMULATE_GPU="1")
    assert "gpu (simulated)" in text
    assert "left to the cpu" in text
    assert "translate" in text
    assert "ORC out: uint64, binary" in text
    assert "will be used       cpu, unless device='gpu' is asked for" in text
    assert "simulated" not in doctor()


def test_a_machine_with_two_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version").write_text(DRIVER)
    (tmp_path / "infiniband" / "mlx5_0").mkdir(parents=True)
    command = tmp_path / "nvidia-smi"
    command.write_text(SMI)
    command.chmod(0o755)
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path / "version")
    monkeypatch.setattr(gpus, "_INFINIBAND", tmp_path / "infiniband")
    monkeypatch.setattr(gpus, "_NEEDED", {"no_such_library": "no-such-library"})
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("VOLLEY_SIMULATE_GPU", raising=False)
    assert gpus.gpu_findings() == [
        ("driver", "ok", "580.65.06"),
        ("device 0", "ok", "NVIDIA H100 80GB HBM3, 81559 MiB"),
        ("device 1", "ok", "NVIDIA H100 80GB HBM3, 81559 MiB"),
        ("nvlink", "ok", "2 links"),
        ("infiniband", "ok", "mlx5_0"),
        ("gpu", "absent", "no_such_library not installed (pip install 'volley-engine[gpu]')"),
    ]


def test_a_machine_without_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path / "version")
    monkeypatch.delenv("VOLLEY_SIMULATE_GPU", raising=False)
    assert gpus.gpu_findings() == [("gpu", "absent", "no NVIDIA driver")]
