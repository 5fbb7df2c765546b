"""What the end-to-end tests share: running the tools, reading what they write, and finding data.

Each test file is one ctest, run as `python3 test_NAME.py` with HETER_BIN (the folder of heterc and heter),
HETER_SOURCE (the source tree) and, for tests on real clicks, HETER_TEST_DATA. A test that lacks its data exits with 77,
which ctest reports as skipped.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(os.environ.get("HETER_BIN", "build/bin")).resolve()
SOURCE = pathlib.Path(os.environ.get("HETER_SOURCE", ".")).resolve()
SKIPPED = 77


def _emulates_tiles():
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return ("libheter_tile_emulator" in os.environ.get("LD_PRELOAD", "") and "avx512_bf16" in flags
            and "amx_tile" not in flags)


# Whether products on AMX tiles are done in software here, which takes a thousand times as long (tests/tiles).
TILES_EMULATED = _emulates_tiles()


def fewer(examples):
    """So many examples, or a fifth of them where tiles are emulated."""
    return examples // 5 if TILES_EMULATED else examples


def real_criteo(test_name):
    """The 10,000 real Criteo lines; ends the process as skipped where there are none."""
    folder = os.environ.get("HETER_TEST_DATA", "")
    path = pathlib.Path(folder) / "criteo" / "raw_first10000.txt"
    if not folder or not path.exists():
        print(f"SKIPPED: {test_name} needs real clicks; set HETER_TEST_DATA to their folder")
        sys.exit(SKIPPED)
    return path


def run_tool(*arguments, check=True, timeout=600, env=None):
    """Runs one of our tools; a failure shows its whole output."""
    command = [str(a) for a in arguments]
    if "/" not in command[0]:
        command[0] = str(BIN / command[0])
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                            env={**os.environ, **(env or {})})
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\nexited with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


class TestCase(unittest.TestCase):
    """A test with a scratch folder, removed when it passed."""

    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="heter-e2e-"))

    def tearDown(self):
        failed = any(error for _, error in self._outcome.result.failures + self._outcome.result.errors)
        if failed:
            print(f"left for inspection: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def synth(self, examples, seed=1):
        """A file of generated Criteo-form lines."""
        path = self.folder / f"synth-{seed}-{examples}.tsv"
        if not path.exists():
            run_tool("heter", "data", "synth", "--examples", examples, "--seed", seed, "--out", path)
        return path

    def compile(self, spec, mode="local", *flags, name=None):
        """A package of a spec or dump; `spec` without a folder is one of samples/."""
        source = SOURCE / "samples" / f"{spec}.heter" if isinstance(spec, str) and "/" not in spec else spec
        package = self.folder / (name or f"{pathlib.Path(str(spec)).stem}-{mode}-{len(list(self.folder.iterdir()))}.pkg")
        mode_flags = [f"--mode={mode}"] if mode else []
        run_tool("heterc", source, "-o", package, *mode_flags, *flags)
        return package

    def train(self, package, data, *flags, launch=False, timeout=600, dump=False):
        """Trains; returns (losses, summary, text of the saved model or None). Losses are kept as text: equal means
        bit-equal."""
        stem = self.folder / f"run-{len(list(self.folder.iterdir()))}"
        command = ["heter", "launch" if launch else "run", package, "--data", data, "--losses", f"{stem}.losses",
                   "--summary", f"{stem}.json", *flags]
        if dump:
            command += ["--save", f"{stem}.model"]
        run_tool(*command, timeout=timeout)
        losses = [line.split()[1] for line in pathlib.Path(f"{stem}.losses").read_text().splitlines()]
        text = None
        if dump:
            run_tool("heter", "dump", f"{stem}.model", "--out", f"{stem}.txt")
            text = pathlib.Path(f"{stem}.txt").read_bytes()
        return losses, json.loads(pathlib.Path(f"{stem}.json").read_text()), text

    def assertSameModel(self, got, expected, what):
        """Compares two dumps and names the first line that differs."""
        if got == expected:
            return
        for number, (a, b) in enumerate(zip(got.splitlines(), expected.splitlines()), 1):
            if a != b:
                self.fail(f"{what}: line {number} of the dump differs:\n  {a[:300]!r}\n  {b[:300]!r}")
        self.fail(f"{what}: one dump is longer: {len(got.splitlines())} and {len(expected.splitlines())} lines")

    def assertLossesClose(self, got, expected, tolerance, what):
        self.assertEqual(len(got), len(expected), what)
        for step, (a, b) in enumerate(zip(got, expected)):
            self.assertLessEqual(abs(float(a) - float(b)), tolerance, f"{what}: step {step}: {a} and {b}")
