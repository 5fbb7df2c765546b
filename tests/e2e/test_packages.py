"""Every sample compiles in every mode to a package that the runtime reads back: its reader verifies indices, order, memory
and reuse edges of every program."""

import re
import unittest

import e2e


class Packages(e2e.TestCase):
    def test_every_package_is_verified(self):
        samples = sorted((e2e.SOURCE / "samples").glob("*.heter"))
        self.assertTrue(samples)
        for sample in samples:
            marked = re.search(r"^\s*on \w+ \{", sample.read_text(), re.MULTILINE)
            for mode in ["local", "ps"] + (["heter-ps"] if marked else []):
                with self.subTest(sample=sample.stem, mode=mode):
                    package = self.compile(sample.stem, mode)
                    text = e2e.run_tool("heter", "inspect", package).stdout
                    self.assertIn(f"model {sample.stem}, mode {mode}", text)


if __name__ == "__main__":
    unittest.main(failfast=True)
