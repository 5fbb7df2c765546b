"""Every built-in function in one model: it compiles in all modes, and trains as a trainer in double precision does."""

import unittest

import e2e

REFERENCE = e2e.BIN.parent / "tests" / "bin" / "model_reference"
MODEL = e2e.SOURCE / "tests" / "e2e" / "Inputs" / "built_ins.heter"
FLAGS = ["--lines", "1:800", "--batch-size", 40]


class BuiltIns(e2e.TestCase):
    def test_losses_of_double_precision(self):
        data = self.synth(800)
        expected = None
        for mode, *flags in [("local",), ("local", "--no-fuse"), ("ps",), ("heter-ps",), ("heter-ps", "--no-fuse")]:
            package = self.compile(MODEL, mode, *flags)
            if expected is None:
                result = e2e.run_tool(REFERENCE, MODEL, package, "--data", data, *FLAGS)
                expected = [line.split()[1] for line in result.stdout.splitlines()]
                self.assertEqual(len(expected), 20)
            losses, _, _ = self.train(package, data, *FLAGS, "--poison-freed")
            self.assertLossesClose(losses, expected, 1e-5, f"{mode} {flags}")

    def test_products_in_bf16_stay_close(self):
        data = self.synth(800)
        expected, _, _ = self.train(self.compile(MODEL), data, *FLAGS)
        losses, _, _ = self.train(self.compile(MODEL, "local", "--precision=bf16"), data, *FLAGS)
        self.assertLossesClose(losses, expected, 2e-2, "bf16")


if __name__ == "__main__":
    unittest.main()
