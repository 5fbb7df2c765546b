"""Pushes count exactly once. Relays before everything that listens lose every 7th reply and double every 11th push, and a
server stands still for 3 seconds; losses and every row and state of the model equal those of an undisturbed run."""

import signal
import threading
import time
import unittest

import e2e
from cluster import CALL, REPLY, Cluster


class Disturbance:
    """The weather, with its counts over all relays."""

    def __init__(self):
        self.lock = threading.Lock()
        self.replies = self.pushes = self.lost = self.doubled = 0

    def __call__(self, relay, frame):
        with self.lock:
            if frame.type == REPLY:
                self.replies += 1
                if self.replies % 7 == 0:
                    self.lost += 1
                    return 0
            elif frame.type == CALL and frame.method == "push":
                self.pushes += 1
                if self.pushes % 11 == 0:
                    self.doubled += 1
                    return 2
        return 1


class ExactlyOnce(e2e.TestCase):
    def check(self, *mode_flags):
        data = self.synth(960)
        package = self.compile("ctr_dnn", "heter-ps")
        flags = ["--batch-size", 24, "--micro-batches", 8, "--in-flight", 8, "--servers", 2, "--cpu-trainers", 2, *mode_flags]
        expected, _, model = self.train(package, data, *flags, dump=True)
        weather = Disturbance()
        losses, saved = self.folder / "disturbed.losses", self.folder / "disturbed.model"
        cluster = Cluster(self.folder / "cluster", package, ["--data", data, *flags, "--save", saved, "--patience", 30],
                          cpu_trainers=2, weather=weather, coordinator_flags=["--losses", losses])
        self.addCleanup(cluster.close)
        while weather.pushes < 20:
            time.sleep(0.02)
            self.assertIsNone(cluster.processes["coordinator"].poll(), cluster.log("coordinator"))
        cluster.processes["server 1"].send_signal(signal.SIGSTOP)
        time.sleep(3)
        cluster.processes["server 1"].send_signal(signal.SIGCONT)
        for name, process in cluster.processes.items():
            self.assertEqual(process.wait(timeout=180), 0, f"{name}:\n{cluster.log(name)}")
        print(f"{weather.replies} replies, {weather.lost} lost; {weather.pushes} pushes, {weather.doubled} doubled")
        self.assertGreater(weather.lost, 20)
        self.assertGreater(weather.doubled, 5)
        self.assertEqual([line.split()[1] for line in losses.read_text().splitlines()], expected)
        text = self.folder / "disturbed.txt"
        e2e.run_tool("heter", "dump", saved, "--out", text)
        self.assertSameModel(text.read_bytes(), model, "disturbed against undisturbed")

    def test_sync(self):
        self.check()


if __name__ == "__main__":
    unittest.main()
