"""heterc goes on from each of the nine dumps to the same package, byte for byte, as from the model itself: for every
sample in the richest mode that it has, for ctr_dnn in all."""

import re
import unittest

import e2e

SAMPLES = sorted(path.stem for path in (e2e.SOURCE / "samples").glob("*.heter"))
STAGES = 9
EXPLAINED = 6  # from later dumps on, what explain.txt tells is gone


def modes_of(text):
    """heter-ps asks for a mark."""
    return ["local", "ps"] + (["heter-ps"] if re.search(r"^\s*on \w+", text, flags=re.M) else [])


def files_of(package):
    return {path.name: path.read_bytes() for path in package.iterdir()}


class Dumps(e2e.TestCase):
    def check_sample(self, sample, mode):
        ir = self.folder / f"{sample}-{mode}"
        expected = files_of(self.compile(sample, mode, f"--dump-ir={ir}", name=f"{ir.name}.pkg"))
        dumps = sorted(ir.iterdir())
        self.assertEqual([path.name[:3] for path in dumps], [f"{n:02}-" for n in range(1, STAGES + 1)])
        for number, dump in enumerate(dumps, 1):
            again = files_of(self.compile(dump, None, name=f"{ir.name}-{dump.stem}.pkg"))
            self.assertEqual(again.keys(), expected.keys(), dump)
            for name, content in expected.items():
                if name == "explain.txt" and number > EXPLAINED:
                    continue
                self.assertTrue(again[name] == content, f"{name} differs when compiled from {dump}")

    def test_every_dump_gives_the_same_package(self):
        self.assertIn("ctr_dnn", SAMPLES)
        for sample in SAMPLES:
            modes = modes_of((e2e.SOURCE / "samples" / f"{sample}.heter").read_text())
            for mode in modes if sample == "ctr_dnn" else modes[-1:]:
                with self.subTest(sample=sample, mode=mode):
                    self.check_sample(sample, mode)


if __name__ == "__main__":
    unittest.main()
