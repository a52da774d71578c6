"""What `volley doctor` says of GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.simulated_gpu import simulated_device
from volley.cli import gpus

DRIVER = """NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder)
GCC version:  gcc version 13.3.0
"""
SMI = """#!/bin/sh
case "$1" in
  --query-gpu*) echo "0, NVIDIA H100 80GB HBM3, 81559, 81004, 9.0, Disabled"
                echo "1, Tesla V100-SXM2-32GB, 32768, 32768, 7.0, [N/A]" ;;
  nvlink) printf '%s' "$NVLINK" ;;
esac
"""
NVLINK = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-6d1b7a7c-0000-0000-0000-000000000000)
\t Link 0: 26.562 GB/s
\t Link 1: 26.562 GB/s
\t Link 2: <inactive>
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-0c2f4a11-0000-0000-0000-000000000000)
\t Link 0: 26.562 GB/s
"""
# As ucx_info 1.21 prints it on a machine without a GPU, and the heads of what it lists with GPUs and adapters.
UCX = """#
# Memory domain: self
#     Component: self
#      Transport: self
#         Device: memory
#           Type: loopback
#  System device: <unknown>
# Memory domain: tcp
#     Component: tcp
#      Transport: tcp
#         Device: eth0
#      Transport: tcp
#         Device: lo
"""
UCX_GPU = (
    UCX
    + """# Memory domain: cuda_cpy
#      Transport: cuda_copy
#         Device: cuda
# Memory domain: cuda_ipc
#      Transport: cuda_ipc
# Memory domain: mlx5_0
#      Transport: rc_mlx5
#         Device: mlx5_0:1
"""
)


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


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the system's files, and for its programs."""
    for name, place in (("_DRIVER", "version"), ("_INFINIBAND", "infiniband"), ("_MODULES", "module"), ("_PCI", "pci")):
        monkeypatch.setattr(gpus, name, tmp_path / place)
    monkeypatch.setattr(gpus, "_SHARED", Path("/"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("NVLINK", NVLINK)
    monkeypatch.delenv("VOLLEY_SIMULATE_GPU", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def test_a_machine_with_two_devices(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "version").write_text(DRIVER)
    port = machine / "infiniband" / "mlx5_0" / "ports" / "1"
    port.mkdir(parents=True)
    (port / "state").write_text("4: ACTIVE\n")
    (port / "rate").write_text("400 Gb/sec (4X NDR)\n")
    command = machine / "nvidia-smi"
    command.write_text(SMI)
    command.chmod(0o755)
    monkeypatch.setattr(gpus, "_NEEDED", {"no_such_library": "no-such-library"})
    found = gpus.gpu_findings()
    assert found[:2] == [
        ("driver", "ok", "580.65.06"),
        ("device 0", "ok", "NVIDIA H100 80GB HBM3, 79.6 GiB, 79.1 GiB free, compute capability 9.0"),
    ]
    assert found[2][:2] == ("device 1", "absent")
    assert found[2][2].endswith("compute capability 7.0: too old, RAPIDS 26.10 needs 7.5")
    assert found[3:5] == [
        ("nvlink", "ok", "GPU 0: 2 links, GPU 1: 1 links"),
        ("infiniband", "ok", "mlx5_0 port 1: ACTIVE, 400 Gb/sec (4X NDR)"),
    ]
    assert found[5][:2] == ("gpudirect", "absent")
    assert "modprobe nvidia_peermem" in found[5][2]
    assert found[6:] == [("no_such_library", "absent", "not installed (pip install 'volley-engine[gpu]')")]
    (machine / "module" / "nvidia_peermem").mkdir(parents=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    again = gpus.gpu_findings()
    assert ("visible devices", "absent", "CUDA_VISIBLE_DEVICES=: no device can be used: unset it") in again
    assert "gpudirect" not in [subject for subject, _, _ in again]


def test_a_driver_that_does_not_answer(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "version").write_text(DRIVER.replace("580.65.06", "550.54.15"))
    command = machine / "nvidia-smi"
    command.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed: driver/library version mismatch' >&2; exit 18\n")
    command.chmod(0o755)
    monkeypatch.setattr(gpus, "_SHARED", machine / "nothing")
    found = gpus.gpu_findings()
    assert found[0] == ("driver", "absent", "550.54.15 is older than 580, which CUDA 13 needs: update the driver")
    assert found[1][:2] == ("devices", "absent")
    assert "driver/library version mismatch" in found[1][2]
    assert ("infiniband", "absent", "no adapter: UCX uses tcp between machines") in found
    assert "--shm-size" in next(text for subject, _, text in found if subject == "shared memory")


def test_a_machine_without_a_driver(machine: Path) -> None:
    [(subject, state, text)] = gpus.gpu_findings()
    assert (subject, state) == ("gpu", "absent")
    assert text.startswith("no NVIDIA driver, and no NVIDIA device")
    (machine / "pci" / "0000:17:00.0").mkdir(parents=True)
    (machine / "pci" / "0000:17:00.0" / "vendor").write_text("0x10de\n")
    [(_, _, text)] = gpus.gpu_findings()
    assert "an NVIDIA device is here, and its driver is not: install the NVIDIA driver, 580 or newer" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no active links"),
        ("GPU 0: NVIDIA L4 (UUID: GPU-1)\n", "no active links"),
        ("GPU 0: X (UUID: GPU-1)\n\t Link 0: <inactive>\n", "no active links"),
    ],
)
def test_no_links(text: str, told: str) -> None:
    assert told in gpus.nvlink(text)[2]


def test_a_port_that_is_down_and_a_device_split_by_mig() -> None:
    assert gpus.infiniband("mlx5_1", "1", "1: DOWN", "40 Gb/sec (4X QDR)")[1] == "absent"
    assert "see to its cable" in gpus.infiniband("mlx5_1", "1", "1: DOWN", "40 Gb/sec (4X QDR)")[2]
    split = gpus.device("0, NVIDIA A100-SXM4-80GB, 81920, [N/A], 8.0, Enabled")
    assert split[1] == "ok"
    assert "80.0 GiB, memory [N/A] free" in split[2]
    assert "name an instance in CUDA_VISIBLE_DEVICES" in split[2]


def test_libraries_of_another_release_are_told_apart() -> None:
    assert gpus.library("pylibcudf", "26.10.2") == ("pylibcudf", "ok", "26.10.2")
    assert gpus.library("pylibcudf", "26.8.1")[1] == "absent"
    assert "not of the release 26.10" in gpus.library("pylibcudf", "26.8.1")[2]


def test_transports_of_ucx() -> None:
    assert gpus.transports(UCX) == (
        "ucx",
        "ok",
        "self, tcp; none for device memory, which needs a GPU and its driver; none for InfiniBand",
    )
    assert gpus.transports(UCX_GPU) == ("ucx", "ok", "cuda_copy, cuda_ipc, rc_mlx5, self, tcp")
    assert gpus.transports(UCX + "#      Transport: cuda_copy\n")[2].endswith(
        "no cuda_ipc: GPUs of this machine cannot send to each other directly; none for InfiniBand"
    )
    assert gpus.transports("")[1] == "absent"


def test_ucx_lists_what_is_really_there() -> None:
    pytest.importorskip("libucx")
    subject, state, text = gpus.ucx()
    assert (subject, state) == ("ucx", "ok")
    assert "tcp" in text.split(";")[0].split(", ")


def test_the_device_is_opened_to_see_whether_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated_device()
    monkeypatch.delenv("VOLLEY_SIMULATE_GPU", raising=False)
    assert gpus._opened("pylibcudf 26.10.2")[:2] == ("gpu", "absent")
    monkeypatch.setenv("VOLLEY_SIMULATE_GPU", "1")
    assert gpus._opened("pylibcudf 26.10.2") == (
        "gpu",
        "ok",
        "pylibcudf 26.10.2; used where device='gpu' asks for it",
    )
