"""The machine: what it is, how busy, and the environment that what is measured runs in."""

import os
import platform
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment():
    """Without what slows PyTorch down, or changes how many threads anything uses."""
    unwanted = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def describe():
    name = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    return f"{os.cpu_count()} cores of {name or platform.machine()}"


def commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True, capture_output=True)
    return done.stdout.strip()


def machine_seconds():
    """(busy, all) processor seconds of the machine so far."""
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    return ((sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK"), sum(fields) / os.sysconf("SC_CLK_TCK"))


def wait_until_idle(seconds):
    """Waits until the machine has been idle for 2 s; false if it never was."""
    end = time.monotonic() + seconds
    while True:
        before = machine_seconds()
        time.sleep(2)
        busy, total = (b - a for a, b in zip(before, machine_seconds()))
        if busy < 0.04 * total:
            return True
        if time.monotonic() > end:
            return False


def calibrate():
    """Seconds of a fixed amount of work on one core."""
    start, x = time.perf_counter(), 0
    for i in range(1_000_000):
        x ^= i
    return time.perf_counter() - start


class Others:
    """The share of the machine that something else used, measured from its making on."""

    def __init__(self):
        self.busy, self.clock = machine_seconds()[0], time.monotonic()

    def share(self, own_seconds):
        """`own_seconds`: processor time of what was measured meanwhile."""
        elapsed = (time.monotonic() - self.clock) * os.cpu_count()
        return max((machine_seconds()[0] - self.busy - own_seconds) / elapsed, 0.0)


def versions(options):
    """Of what is measured against, by whoever is installed."""
    result = []
    for name, python, package in (("PyTorch", options.torch_python, "torch"), ("fbgemm", options.fbgemm_python, "fbgemm-gpu-cpu"),
                                 ("Paddle", options.paddle_python, "paddlepaddle")):
        if python.exists():
            done = subprocess.run([python, "-c", f"from importlib.metadata import version; print(version('{package}'))"],
                                  text=True, capture_output=True)
            result.append(f"{name} {done.stdout.strip()}")
    return [*result, f"Python {platform.python_version()}"]
