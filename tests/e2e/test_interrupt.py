"""Ctrl-C: a run stops stepping, says what was done and exits with 130; the last save stays whole; a second one leaves at
once."""

import os
import pathlib
import signal
import subprocess
import time
import unittest

import e2e
from cluster import Cluster, Launched, wait_for_all
from test_faults import FLAGS, ROLES, alive

INTERRUPTED = 130


def catches_interrupts(pid):
    """Whether the process has come so far that it handles SIGINT."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)
    return False


class Interrupt(e2e.TestCase):
    def start(self, *command):
        log = (self.folder / f"log-{len(list(self.folder.iterdir()))}").open("w+")
        process = subprocess.Popen([str(c) for c in [e2e.BIN / "heter", *command]], stdout=log, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        self.addCleanup(log.close)
        process.output = lambda: (log.seek(0), log.read())[1]
        deadline = time.time() + 60
        while not catches_interrupts(process.pid) and time.time() < deadline:
            time.sleep(0.05)
        return process

    def interrupt(self, process, number=signal.SIGINT):
        """Interrupts; returns how long the end took."""
        start = time.time()
        process.send_signal(number)
        process.wait(timeout=30)
        return time.time() - start

    def check_stops(self, command, mode, number):
        data = self.synth(20000)
        package = self.compile("ctr_dnn", mode)
        saved = self.folder / "model"
        e2e.run_tool("heter", "run", package, "--data", data, "--lines", "1:500", "--save", saved)
        before = sorted((f.name, f.read_bytes()) for f in saved.iterdir())
        losses = self.folder / "losses"
        process = self.start(command, package, "--data", data, "--epochs", 1000, "--save", saved, "--losses", losses)
        time.sleep(4)
        self.assertIsNone(process.poll(), process.output())
        took = self.interrupt(process, number)
        output = process.output()
        self.assertEqual(process.returncode, INTERRUPTED, output)
        self.assertLess(took, 4, "2 s to stop stepping, and some to end")
        self.assertRegex(output, r"trained on [\d,]+ examples in")
        self.assertRegex(output, rf"heter: interrupted after [\d,]+ steps; nothing was saved, {saved} is as it was")
        self.assertNotIn("error", output)
        self.assertGreater(len(losses.read_text().splitlines()), 0)
        self.assertEqual(sorted((f.name, f.read_bytes()) for f in saved.iterdir()), before)

    def test_local_run(self):
        self.check_stops("run", "local", signal.SIGINT)

    def test_cluster_in_one_process(self):
        self.check_stops("run", "heter-ps", signal.SIGTERM)

    def test_launch(self):
        self.check_stops("launch", "heter-ps", signal.SIGINT)

    def test_a_second_one_leaves_at_once(self):
        data = self.synth(2000)
        package = self.compile("ctr_dnn", "heter-ps")
        # A frame takes half a minute, and a run ends with its frames.
        process = self.start("run", package, "--data", data, "--device", "heter=timed:5s")
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        self.assertIsNone(process.poll(), "the first one lets frames end")
        self.assertLess(self.interrupt(process), 1)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertIn("once more leaves at once", process.output())

    def test_a_second_one_kills_the_roles_of_a_launch(self):
        run = Launched(self.folder / "run", self.compile("ctr_dnn", "heter-ps"), ["--data", self.synth(2000), *FLAGS])
        self.addCleanup(lambda: run.process.poll() is None and run.process.kill())
        run.find_roles(len(ROLES))
        time.sleep(2)
        os.kill(run.roles["server 0"], signal.SIGSTOP)  # It does not leave by itself.
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(run.process.poll())
        start = time.time()
        run.process.send_signal(signal.SIGINT)
        run.process.communicate(timeout=30)
        self.assertLess(time.time() - start, 1)
        self.assertEqual(run.process.returncode, INTERRUPTED)
        time.sleep(0.5)
        self.assertEqual([name for name, pid in run.roles.items() if alive(pid)], [])

    def test_a_role_of_a_cluster_says_that_it_leaves(self):
        data = self.synth(20000)
        package = self.compile("ctr_dnn", "heter-ps")
        for number, name in enumerate(["server 1", "cpu-trainer 0", "heter-trainer.heter 0"]):
            cluster = Cluster(self.folder / f"cluster-{number}", package, ["--data", data, "--epochs", 1000])
            self.addCleanup(cluster.close)
            cluster.wait_for_steps()
            took = self.interrupt(cluster.processes[name])
            self.assertLess(took, 6)
            wait_for_all([cluster])
            self.assertTrue(cluster.all_ended())
            for role, process in cluster.processes.items():
                self.assertEqual(process.returncode, INTERRUPTED if role == name else 1, cluster.log(role))
                self.assertIn(f"{name} was interrupted", cluster.log(role))
                self.assertNotIn("lost", cluster.log(role))

    def test_a_role_without_its_coordinator_leaves(self):
        package = self.compile("ctr_dnn", "ps")
        path = self.folder / "cluster.json"
        path.write_text('{"coordinator": "127.0.0.1:1", "servers": ["127.0.0.1:0"], "cpu-trainers": ["127.0.0.1:0"]}')
        process = self.start("run", package, "--data", self.synth(100), "--role", "server", "--cluster", path, "--patience", 60)
        time.sleep(1)
        self.assertIsNone(process.poll(), process.output())
        self.assertLess(self.interrupt(process), 4)
        self.assertEqual(process.returncode, INTERRUPTED, process.output())
        self.assertIn("server 0 was interrupted", process.output())


if __name__ == "__main__":
    unittest.main()
