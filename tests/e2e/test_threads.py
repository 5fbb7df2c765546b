"""The number of threads changes no bit: ctr_dnn_large at batch size 512, whose matrix products are cut into pieces for
idle threads and whose parameters are updated in blocks by them, gives equal losses with 1, 2 and 4."""

import unittest

import e2e


class Threads(e2e.TestCase):
    def test_large_products(self):
        data = self.synth(2 * 512)
        for mode, precision in [("local", "f32"), ("heter-ps", "f32"), ("local", "bf16")]:
            package = self.compile("ctr_dnn_large", mode, f"--precision={precision}")
            flags = ["--batch-size", 512, "--epochs", 2]
            expected = self.train(package, data, *flags, "--threads", 1)[0]
            self.assertEqual(len(set(expected)), 4, "each of the four steps has a loss of its own")
            for threads in [2, 4]:
                self.assertEqual(self.train(package, data, *flags, "--threads", threads)[0], expected,
                                 f"{mode}, {precision}, {threads} threads")


if __name__ == "__main__":
    unittest.main()
