"""Sync results do not depend on when messages arrive: with a relay before everything that listens, which holds every
message back for a random time, the losses are bit-equal, with 8 micro-batches a step."""

import time
import unittest

import e2e
from cluster import Cluster


def delay(relay, frame):
    time.sleep(relay.random.random() * 0.004)
    return 1


class RelayTest(e2e.TestCase):
    def test_delayed_messages_change_nothing(self):
        data = self.synth(1920)
        package = self.compile("ctr_dnn", "heter-ps")
        flags = ["--batch-size", 24, "--micro-batches", 8, "--in-flight", 8, "--servers", 2, "--cpu-trainers", 2]
        expected, _, _ = self.train(package, data, *flags)
        self.assertEqual(len(expected), 10)
        for attempt in range(2):
            losses = self.folder / f"relayed-{attempt}.losses"
            cluster = Cluster(self.folder / f"cluster-{attempt}", package, ["--data", data, *flags], cpu_trainers=2,
                              weather=delay, coordinator_flags=["--losses", losses])
            self.addCleanup(cluster.close)
            for name, process in cluster.processes.items():
                self.assertEqual(process.wait(timeout=120), 0, f"{name}:\n{cluster.log(name)}")
            self.assertTrue(all(r.messages > 0 for r in cluster.relays.values()), "every relay should carry messages")
            self.assertEqual([line.split()[1] for line in losses.read_text().splitlines()], expected)


if __name__ == "__main__":
    unittest.main()
