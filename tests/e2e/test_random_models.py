"""Random models (random_models.py), each by its seed: in every mode, fused or not, a model trains as a trainer in double
precision does, and bit-equal to local mode. More of them: HETER_RANDOM_MODELS=FIRST:COUNT."""

import os
import unittest

import e2e
import random_models

REFERENCE = e2e.BIN.parent / "tests" / "bin" / "model_reference"
FIRST, COUNT = (int(word) for word in os.environ.get("HETER_RANDOM_MODELS", "1:6").split(":"))
FLAGS = ["--lines", "1:400", "--batch-size", 40]


class RandomModels(e2e.TestCase):
    def test_models_train_as_in_double_precision(self):
        data = self.synth(400)
        for seed in range(FIRST, FIRST + COUNT):
            spec = self.folder / f"random_{seed}.heter"
            spec.write_text(random_models.Model(seed).text())
            with self.subTest(seed=seed):
                self.check(spec, data)

    def check(self, spec, data):
        expected = None
        local = {}
        for mode, *flags in [("local",), ("ps",), ("heter-ps",), ("local", "--no-fuse"), ("heter-ps", "--no-fuse")]:
            package = self.compile(spec, mode, *flags)
            if expected is None:
                result = e2e.run_tool(REFERENCE, spec, package, "--data", data, *FLAGS)
                expected = [line.split()[1] for line in result.stdout.splitlines()]
                self.assertEqual(len(expected), 10)
            losses, _, _ = self.train(package, data, *FLAGS, "--poison-freed")
            self.assertLossesClose(losses, expected, 2e-5, f"{spec.name} {mode} {flags}")
            self.assertEqual(losses, local.setdefault(tuple(flags), losses), f"{spec.name} {mode} {flags}")


if __name__ == "__main__":
    unittest.main()
