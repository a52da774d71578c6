"""What ``volley doctor`` finds of GPUs: driver, devices, links, libraries, and what they leave to the CPU."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from pathlib import Path

Found = tuple[str, str, str]
"""Subject, state (``ok`` or ``absent``), and what was found."""

RELEASE = "26.10"
"""Release line of RAPIDS that the GPU device is written for."""
LEAST_DRIVER, LEAST_CAPABILITY = 580, (7, 5)
"""What the CUDA 13 that this release is built for needs."""

_DRIVER = Path("/proc/driver/nvidia/version")
_INFINIBAND = Path("/sys/class/infiniband")
_MODULES = Path("/sys/module")
_PCI = Path("/sys/bus/pci/devices")
_SHARED = Path("/dev/shm")  # noqa: S108 - it is looked at, not written to
_SWITCH = "VOLLEY_SIMULATE_GPU"
_NEEDED = {"pylibcudf": "pylibcudf-cu13", "rmm": "rmm-cu13"}
_INSTALL = "pip install 'volley-engine[gpu]'"
_NVIDIA = "0x10de"
_FIELDS = ("index", "name", "memory.total", "memory.free", "compute_cap", "mig.mode.current")


def gpu_findings() -> list[Found]:
    """Return what there is, in words that say what to do."""
    if os.environ.get(_SWITCH, "") == "1":
        return [
            ("gpu (simulated)", "ok", f"{_SWITCH}=1: device='gpu' runs on this processor, for tests, and is slow"),
            *_left_to_the_cpu(),
        ]
    if not _DRIVER.is_file():
        return [("gpu", "absent", _why_no_driver())]
    found = [driver(_DRIVER.read_text()), *_devices(), *_links()]
    libraries = [library(name, _version(distribution)) for name, distribution in _NEEDED.items()]
    missing = [entry for entry in libraries if entry[1] != "ok"]
    if missing:
        return [*found, *missing]
    versions = ", ".join(f"{name} {_version(distribution)}" for name, distribution in _NEEDED.items())
    return [*found, _opened(versions), *_left_to_the_cpu()]


def _why_no_driver() -> str:
    vendors = [path / "vendor" for path in _PCI.iterdir()] if _PCI.is_dir() else []
    if any(vendor.is_file() and vendor.read_text().strip() == _NVIDIA for vendor in vendors):
        return (
            f"an NVIDIA device is here, and its driver is not: install the NVIDIA driver, {LEAST_DRIVER} or newer "
            "(in a container: start it with --gpus all)"
        )
    return f"no NVIDIA driver, and no NVIDIA device; {_SWITCH}=1 simulates one, for tests"


def driver(text: str) -> Found:
    """Return what the driver's version file says."""
    found = re.search(r"Kernel Module(?: for \S+)?\s+(\d+)(\S*)", text)
    if found is None:
        return ("driver", "ok", "of unknown version")
    version = found[1] + found[2]
    if int(found[1]) < LEAST_DRIVER:
        return ("driver", "absent", f"{version} is older than {LEAST_DRIVER}, which CUDA 13 needs: update the driver")
    return ("driver", "ok", version)


def _devices() -> Iterator[Found]:
    command = shutil.which("nvidia-smi")
    if command is None:
        yield ("devices", "absent", "nvidia-smi is not installed (it comes with the driver), so devices are not listed")
        return
    answer = _asked([command, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"])
    if answer.returncode:
        told = answer.stderr.strip() or answer.stdout.strip()
        yield ("devices", "absent", f"nvidia-smi failed, which says that the driver does not work: {told}")
        return
    yield from map(device, answer.stdout.splitlines())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        none = visible in ("", "-1")
        told = "no device can be used: unset it" if none else "only these are used"
        yield ("visible devices", "absent" if none else "ok", f"CUDA_VISIBLE_DEVICES={visible}: {told}")
    links = _asked([command, "nvlink", "--status"])
    yield nvlink("" if links.returncode else links.stdout)


def device(line: str) -> Found:
    """Return what nvidia-smi says of one device: index, name, MiB, MiB free, compute capability, MIG."""
    index, name, total, free, capability, mig = (part.strip() for part in line.split(","))
    subject = f"device {index}"
    text = f"{name}, {_gib(total)}, {_gib(free)} free, compute capability {capability}"
    if mig == "Enabled":
        text += ", split by MIG: name an instance in CUDA_VISIBLE_DEVICES"
    known = re.fullmatch(r"(\d+)\.(\d+)", capability)
    if known is not None and (int(known[1]), int(known[2])) < LEAST_CAPABILITY:
        return (subject, "absent", f"{text}: too old, RAPIDS {RELEASE} needs {'.'.join(map(str, LEAST_CAPABILITY))}")
    return (subject, "ok", text)


def _gib(mebibytes: str) -> str:
    return f"{int(mebibytes) / 1024:.1f} GiB" if mebibytes.isdecimal() else f"memory {mebibytes}"


def nvlink(status: str) -> Found:
    """Return what ``nvidia-smi nvlink --status`` says."""
    counts = []
    for part in re.split(r"^(?=GPU \d+:)", status, flags=re.MULTILINE):
        active = len(re.findall(r"Link \d+: [\d.]+ GB/s", part))
        if active:
            counts.append(f"GPU {part.split()[1].rstrip(':')}: {active} links")
    if not counts:
        return ("nvlink", "absent", "no active links: the devices of this machine, if several, talk over PCIe")
    return ("nvlink", "ok", ", ".join(counts))


def _links() -> Iterator[Found]:
    adapters = sorted(_INFINIBAND.iterdir()) if _INFINIBAND.is_dir() else []
    ports = [port for adapter in adapters for port in sorted((adapter / "ports").glob("*"))]
    if not ports:
        yield ("infiniband", "absent", "no adapter: UCX uses tcp between machines")
    for port in ports:
        yield infiniband(port.parts[-3], port.name, _line(port / "state"), _line(port / "rate"))
    if ports and not (_MODULES / "nvidia_peermem").is_dir():
        told = "the kernel module nvidia_peermem is not loaded, so device memory passes the host between machines"
        yield ("gpudirect", "absent", f"{told} (modprobe nvidia_peermem)")
    size = shutil.disk_usage(_SHARED).total if _SHARED.is_dir() else 0
    if size < 1 << 30:
        yield (
            "shared memory",
            "absent",
            f"{_SHARED} has {size / 2**20:.0f} MiB, too little for workers that talk UCX (docker run --shm-size=8g)",
        )


def infiniband(adapter: str, port: str, state: str, rate: str) -> Found:
    """Return what the system says of a port: its state such as ``4: ACTIVE``, and its rate."""
    name = state.partition(": ")[2] or state
    text = f"{adapter} port {port}: {name}, {rate}"
    if name != "ACTIVE":
        return ("infiniband", "absent", f"{text}; it carries nothing: see to its cable and its subnet manager")
    return ("infiniband", "ok", text)


def library(name: str, version: str | None) -> Found:
    """Return whether a library of RAPIDS is there, and of the release that is called."""
    if version is None:
        return (name, "absent", f"not installed ({_INSTALL})")
    if not version.startswith(f"{RELEASE}."):
        return (name, "absent", f"{version} is not of the release {RELEASE}, which is called here ({_INSTALL})")
    return (name, "ok", version)


def ucx() -> Found:
    """Return what UCX can send over, as its own ``ucx_info`` finds out."""
    if util.find_spec("distributed_ucxx") is None:
        return ("ucx", "absent", "distributed-ucxx is not installed (pip install distributed-ucxx-cu13)")
    home = util.find_spec("libucx")
    folder = Path(home.submodule_search_locations[0]) if home and home.submodule_search_locations else None
    command = None if folder is None else folder / "bin" / "ucx_info"
    if folder is None or command is None or not command.is_file():
        return ("ucx", "ok", "through distributed-ucxx; its ucx_info is not there, so the transports are not listed")
    answer = _asked([str(command), "-d"], LD_LIBRARY_PATH=str(folder / "lib"))
    return transports(answer.stdout)


def transports(text: str) -> Found:
    """Return what ``ucx_info -d`` lists."""
    names = sorted(set(re.findall(r"Transport:\s*(\S+)", text)))
    if not names:
        return ("ucx", "absent", "ucx_info lists no transports")
    remarks = []
    if not any(name.startswith("cuda") for name in names):
        remarks.append("none for device memory, which needs a GPU and its driver")
    elif "cuda_ipc" not in names:
        remarks.append("no cuda_ipc: GPUs of this machine cannot send to each other directly")
    if not any(name.startswith(("rc", "dc", "ud")) for name in names):
        remarks.append("none for InfiniBand")
    return ("ucx", "ok", "; ".join([", ".join(names), *remarks]))


def _asked(command: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - the system's own, or one of UCX's package
            command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environment}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _line(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else "unknown"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _opened(versions: str) -> Found:
    """Return whether the device can be opened, which is what decides."""
    from ..engine.errors import VolleyError
    from ..engine.kernels.devices import open_device

    try:
        open_device("gpu")
    except VolleyError as error:
        return ("gpu", "absent", str(error))
    return ("gpu", "ok", f"{versions}; used where device='gpu' asks for it")


def _left_to_the_cpu() -> Iterator[Found]:
    """Yield functions that have no kernel and types that operators do not take, where the device's library loads."""
    from ..engine.errors import VolleyError
    from ..engine.kernels.devices import functions_without_kernel, types_on_host

    try:
        names = functions_without_kernel("gpu")
        types = types_on_host("gpu")
    except VolleyError as error:
        yield ("gpu", "absent", str(error))
        return
    yield ("left to the cpu", "ok", f"{len(names)} functions, with both transfers: {', '.join(sorted(names))}")
    yield ("types left to it", "ok", "; ".join(f"{operator}: {which}" for operator, which in types.items()))
