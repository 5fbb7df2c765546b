"""A disk that fills up, or files that may not grow, during a save or a report: one clear error, and the previous save loads
and is what it was."""

import os
import resource
import subprocess
import unittest

import e2e


class DiskFull(e2e.TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.synth(1000)

    def run_limited(self, limit, *command):
        """Runs heter with files of at most `limit` bytes."""
        return subprocess.run([str(c) for c in [e2e.BIN / "heter", *command]], capture_output=True, text=True, timeout=120,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))

    def dump(self, saved):
        text = self.folder / "dump.txt"
        e2e.run_tool("heter", "dump", saved, "--out", text)
        return text.read_bytes()

    def assertOneError(self, result, *parts):
        errors = [line for line in result.stderr.splitlines() if "error:" in line]
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(len(errors), 1, result.stderr)
        for part in parts:
            self.assertIn(part, errors[0])

    def check_save(self, command, mode, *flags):
        package = self.compile("ctr_dnn", mode)
        saved = self.folder / "model"
        e2e.run_tool("heter", "run", package, "--data", self.data, "--lines", "1:500", "--save", saved)
        before = self.dump(saved)
        result = self.run_limited(30000, command, package, "--data", self.data, "--save", saved, *flags)
        self.assertOneError(result, "cannot write", str(saved), "File too large")
        self.assertEqual(self.dump(saved), before)
        e2e.run_tool("heter", "run", package, "--data", self.data, "--load", saved, "--save", saved, "--lines", "1:200")
        self.assertNotEqual(self.dump(saved), before)

    def test_save_of_a_local_run(self):
        self.check_save("run", "local")

    def test_save_amid_training(self):
        self.check_save("run", "local", "--batch-size", 16, "--save-every", 10)

    def test_save_amid_asynchronous_training_of_processes(self):
        self.check_save("launch", "ps", "--servers", 2, "--batch-size", 16, "--save-every", 10, "--update", "async")

    def test_save_of_processes(self):
        self.check_save("launch", "ps", "--servers", 2)

    def test_reports(self):
        package = self.compile("ctr_dnn", "local")
        command = ["run", package, "--data", self.data, "--batch-size", 1]
        old = self.folder / "old.losses"
        old.write_text("0 0.5\n")
        for flag in ["--losses", "--summary"]:
            self.assertOneError(self.run_limited(100, *command, flag, old), flag, "cannot write", "File too large")
            self.assertEqual(old.read_text(), "0 0.5\n")
            self.assertEqual(sorted(p.name for p in self.folder.glob("old.*")), ["old.losses"])
            self.assertOneError(self.run_limited(1 << 30, *command, flag, "/dev/full"), flag, "No space left on device")

    def test_a_disk_that_is_really_full(self):
        disk = self.folder / "disk"
        disk.mkdir()
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "heter-test", disk]).returncode != 0:
            self.skipTest("mounting a small disk takes root")
        self.addCleanup(subprocess.run, ["umount", disk])
        package = self.compile("ctr_dnn", "local")
        saved = disk / "model"
        flags = ["--data", self.data, "--save", saved]
        e2e.run_tool("heter", "run", package, "--lines", "1:100", *flags)
        before = self.dump(saved)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "ballast").write_bytes(bytes(free - 20000))
        result = subprocess.run([str(c) for c in [e2e.BIN / "heter", "run", package, *flags]], capture_output=True, text=True)
        self.assertOneError(result, str(saved), "No space left on device")
        self.assertEqual(self.dump(saved), before)


if __name__ == "__main__":
    unittest.main()
