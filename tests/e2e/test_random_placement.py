"""Any legal placement computes the same: 50 random assignments of a sample's free ops to a cpu-trainer and two classes of
heter-trainers each train 20 steps bit-equal to local mode, without fusion. (That 1,000 assignments partition and verify
is tested beside the partition pass.) Usage: test_random_placement.py SAMPLE"""

import re
import sys
import unittest

import e2e

SAMPLE = sys.argv.pop(1)
PLACEMENTS = 50
RANDOM_PLACE = e2e.BIN.parent / "tests" / "bin" / "heter-random-place"


def marked(text):
    """The spec with a mark, which heter-ps mode asks for, if it has none."""
    return text if re.search(r"^\s*on \w+", text, flags=re.M) else re.sub(r"^(logit *=.*)$", r"on heter { \1\n}", text, flags=re.M)


class RandomPlacement(e2e.TestCase):
    def test_trains_like_local(self):
        spec = self.folder / f"{SAMPLE}.heter"
        spec.write_text(marked((e2e.SOURCE / "samples" / f"{SAMPLE}.heter").read_text()))
        data = self.synth(320)
        flags = ["--batch-size", 16]
        expected, _, model = self.train(self.compile(spec, "local", "--no-fuse"), data, *flags, dump=True)
        self.assertEqual(len(expected), 20)

        ir = self.folder / "ir"
        self.compile(spec, "heter-ps", "--no-fuse", f"--dump-ir={ir}")
        distinct = set()
        for seed in range(PLACEMENTS):
            dump = self.folder / "placed.mlir"
            e2e.run_tool(RANDOM_PLACE, ir / "05-place.mlir", f"--seed={seed}", "-o", dump)
            distinct.add(dump.read_text())
            package = self.compile(dump, None, name="placed.pkg")
            losses, _, placed = self.train(package, data, *flags, dump=seed % 10 == 0)
            self.assertEqual(losses, expected, f"placement {seed}")
            if placed is not None:
                self.assertSameModel(placed, model, f"placement {seed}")
        self.assertGreater(len(distinct), PLACEMENTS // 2, "the placements should differ")


if __name__ == "__main__":
    unittest.main()
