"""heter launch: one process a role. All exit 0; the model equals that of one process; a killed role ends the run."""

import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

import e2e


class Launch(e2e.TestCase):
    def test_five_processes(self):
        data = self.synth(4000)
        package = self.compile("ctr_dnn", "heter-ps")
        flags = ["--batch-size", 100, "--servers", 2, "--cpu-trainers", 2, "--heter-trainers", 1]
        expected, _, model = self.train(package, data, *flags, dump=True)
        losses, summary, launched = self.train(package, data, *flags, launch=True, dump=True)
        self.assertEqual(losses, expected)
        self.assertSameModel(launched, model, "five processes against one")
        self.assertGreater(summary["wire"]["bytes_sent"], 0)

    def test_two_classes_on_separate_memory(self):
        data = self.synth(1500)
        package = self.compile("two_classes", "heter-ps")
        flags = ["--batch-size", 100, "--heter-trainers", "gpu=1,xpu=1"]
        expected, _, _ = self.train(package, data, *flags)
        losses, _, _ = self.train(package, data, *flags, "--device", "gpu=separate", "--device", "xpu=separate", launch=True)
        self.assertEqual(losses, expected)

    def test_killed_role_ends_the_run_and_is_named(self):
        data = self.synth(50000)
        package = self.compile("ctr_dnn", "heter-ps")
        command = [e2e.BIN / "heter", "launch", package, "--data", data, "--batch-size", "100", "--epochs", "100"]
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   cwd=self.folder)
        victim = None
        deadline = time.time() + 60
        while victim is None and time.time() < deadline:
            time.sleep(0.2)
            for child in children(process.pid):
                if "heter-trainer" in pathlib.Path(f"/proc/{child}/cmdline").read_text():
                    victim = child
        self.assertIsNotNone(victim, "no heter-trainer process appeared")
        time.sleep(3)
        os.kill(victim, signal.SIGKILL)
        start = time.time()
        output, _ = process.communicate(timeout=30)
        self.assertLess(time.time() - start, 10)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("heter-trainer", output)


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    unittest.main()
