"""Against an independent trainer in double precision with the same initial values and batches: losses agree to 1e-4 over 20
steps of real clicks, also when the batch size changes from step to step and the last batch is partial."""

import os
import unittest

import e2e

DATA = e2e.real_criteo("e2e.reference")

REFERENCE = os.environ.get("HETER_REFERENCE", "")


class Reference(e2e.TestCase):
    def reference_losses(self, data, *flags):
        result = e2e.run_tool(REFERENCE, "--data", data, *flags)
        return [line.split()[-1] for line in result.stdout.splitlines()]

    def test_20_steps(self):
        flags = ["--lines", f"1:{e2e.fewer(2560)}", "--batch-size", 128]
        expected = self.reference_losses(DATA, *flags)
        self.assertEqual(len(expected), e2e.fewer(20))
        for mode in ["local", "ps", "heter-ps"]:
            losses, _, _ = self.train(self.compile("ctr_dnn", mode), DATA, *flags)
            self.assertLossesClose(losses, expected, 1e-4, mode)

    def test_batch_size_that_changes(self):
        """Three epochs of 300 lines: batches of 128, 128, 44, 128, ..."""
        expected = self.reference_losses(DATA, "--lines", "1:300", "--batch-size", 128, "--epochs", 3)
        self.assertEqual(len(expected), 9)
        for mode in ["local", "heter-ps"]:
            losses, _, _ = self.train(self.compile("ctr_dnn", mode), DATA, "--lines", "1:300", "--batch-size", 128,
                                      "--epochs", 3)
            self.assertLossesClose(losses, expected, 1e-4, mode)


if __name__ == "__main__":
    unittest.main()
