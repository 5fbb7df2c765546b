"""A role that is killed, stopped, cut off or never there, for each kind of role: all others end within 10 seconds, with an
error that names the role and says what was waited for, and nothing stays behind."""

import os
import pathlib
import signal
import time
import unittest

import e2e
from cluster import CALL, Cluster, Launched, wait_for_all

LIMIT = 10
ROLES = ["cpu-trainer 0", "heter-trainer.heter 0", "server 0"]
WAITED = r"while (the run waited|waiting) for|did not join"
# Slow frames that cost no CPU time, more of them than any test lasts.
FLAGS = ["--batch-size", 32, "--epochs", 1000, "--in-flight", 2, "--device", "heter=timed:20ms", "--threads", 1]


def note_joins(relay, frame):
    """Remembers when the last role joined: from then on the absent one is waited for."""
    if frame.method == "join" and frame.type == CALL and frame.bytes not in relay.joins:
        relay.joins.add(frame.bytes)  # Until it is answered, it is sent again and again.
        relay.last_join = time.time()
    return 1


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Faults(e2e.TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.synth(20000)
        self.package = self.compile("ctr_dnn", "heter-ps")

    def assertSays(self, text, victim, what):
        errors = [line for line in text.splitlines() if "heter: error:" in line]
        self.assertEqual(len(errors), 1, f"{what}: one error, please:\n{text}")
        self.assertIn(victim, errors[0], what)
        self.assertRegex(errors[0], WAITED, what)

    def launch_all(self, fault):
        """A launch for each role that suffers `fault`, all at once."""
        runs = {}
        for victim in ROLES:
            run = Launched(self.folder / f"run-{victim.split()[0]}", self.package, ["--data", self.data, *FLAGS])
            self.addCleanup(lambda p=run.process: p.poll() is None and p.kill())
            run.find_roles(len(ROLES))
            self.assertIn(victim, run.roles, "it should have started")
            runs[victim] = run
        time.sleep(3)
        for victim, run in runs.items():
            os.kill(run.roles[victim], fault)
        start = time.time()
        for victim, run in runs.items():
            output, _ = run.process.communicate(timeout=30)
            took = time.time() - start
            print(f"{signal.Signals(fault).name} of {victim}: all ended in {took:.1f} s")
            self.assertLess(took, LIMIT, f"{victim}: {output}")
            self.assertNotEqual(run.process.returncode, 0)
            self.assertIn(victim, output)
            self.assertRegex(output, WAITED)
            for name, pid in run.roles.items():
                self.assertFalse(alive(pid), f"{name} is still there after {victim} got {fault}")
                if name != victim:
                    self.assertSays((run.folder / f"{name.replace(' ', '-')}.log").read_text(), victim, f"the log of {name}")

    def test_killed(self):
        self.launch_all(signal.SIGKILL)

    def test_stopped(self):
        self.launch_all(signal.SIGSTOP)

    def clusters(self, absent=False):
        result = {}
        for victim in ROLES:
            folder = self.folder / f"cluster-{victim.split()[0]}"
            result[victim] = Cluster(folder, self.package, ["--data", self.data, *FLAGS], servers=1,
                                     leave_out=[victim] if absent else [], weather=note_joins)
            self.addCleanup(result[victim].close)
        return result

    def check_ends(self, cluster, victim, start):
        ended = {name: at - start for name, at in cluster.ended.items()}
        logs = {name: cluster.log(name) for name in cluster.processes}
        for name, process in cluster.processes.items():
            self.assertIn(name, ended, f"{name} did not end: {logs}")
            self.assertLess(ended[name], LIMIT, f"{name}: {logs[name]}")
            self.assertNotEqual(process.returncode, 0, name)
            if name == victim:  # From where it stands, the others are gone.
                self.assertRegex(logs[name], "heter: error:.*(lost|cannot reach) ")
            else:
                self.assertSays(logs[name], victim, name)
        return max(ended.values())

    def test_cut_off(self):
        clusters = self.clusters()
        for cluster in clusters.values():
            cluster.wait_for_steps()
        start = time.time()
        for victim, cluster in clusters.items():
            cluster.cut_off(victim)
        wait_for_all(clusters.values())
        for victim, cluster in clusters.items():
            print(f"{victim} cut off: all ended in {self.check_ends(cluster, victim, start):.1f} s")

    def test_never_there(self):
        clusters = self.clusters(absent=True)
        wait_for_all(clusters.values())
        for victim, cluster in clusters.items():
            start = cluster.relays["coordinator"].last_join
            print(f"{victim} absent: all ended in {self.check_ends(cluster, victim, start):.1f} s")


if __name__ == "__main__":
    unittest.main()
