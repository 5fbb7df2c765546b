"""Sync results do not depend on timing: 1 or 8 frames in flight, 1 or 2 threads and freed buffers poisoned give bit-equal
losses with 8 micro-batches a step."""

import itertools
import unittest

import e2e


class TimingIndependence(e2e.TestCase):
    def test_in_flight_threads_and_poison(self):
        data = self.synth(4000)
        for mode in ["local", "heter-ps"]:
            package = self.compile("deepfm", mode)
            expected = None
            for in_flight, threads, poison in itertools.product([1, 8], [1, 2], [False, True]):
                flags = ["--batch-size", 32, "--micro-batches", 8, "--in-flight", in_flight, "--threads", threads]
                losses, _, _ = self.train(package, data, *flags, *(["--poison-freed"] if poison else []))
                expected = expected or losses
                self.assertEqual(losses, expected, f"{mode}: in flight {in_flight}, threads {threads}, poison {poison}")


if __name__ == "__main__":
    unittest.main()
