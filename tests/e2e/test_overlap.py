"""Frames overlap: 16 in flight on a device whose calls take 20 ms each give at least ten times the throughput of one, with two
worker threads, in async mode."""

import unittest

import e2e


class Overlap(e2e.TestCase):
    def test_16_frames_in_flight(self):
        data = self.synth(4096)
        package = self.compile("ctr_dnn", "heter-ps")
        speed = {}
        for in_flight, examples in [(1, 8 * 16), (16, 8 * 16 * 16)]:
            _, summary, _ = self.train(package, data, "--update", "async", "--batch-size", 8, "--in-flight", in_flight,
                                       "--threads", 2, "--device", "heter=timed:20ms", "--max-examples", examples)
            speed[in_flight] = summary["examples_per_second"]
        print(f"examples/s: {speed}")
        self.assertGreaterEqual(speed[16] / speed[1], 10)


if __name__ == "__main__":
    unittest.main()
