"""Any legal placement computes the same: 50 random assignments of a sample's free ops to a cpu-trainer and two classes of
heter-trainers each train 20 steps bit-equal to local mode, without fusion. (That 1,000 assignments partition and verify
is tested beside the partition pass.) Of ctr_dnn_large, where a step moves 12 million parameters, 3 of the assignments
train; all 50 train with fewer neurons, which changes no op but its width. Usage: test_random_placement.py SAMPLE"""

import re
import sys
import unittest

import e2e

SAMPLE = sys.argv.pop(1)
PLACEMENTS = 50
LARGE_PLACEMENTS = 3
WIDE, NARROW = "[4096, 2048, 1024]", "[256, 128, 64]"
RANDOM_PLACE = e2e.BIN.parent / "tests" / "bin" / "heter-random-place"


def marked(text):
    """The spec with a mark, which heter-ps mode asks for, if it has none."""
    return text if re.search(r"^\s*on \w+", text, flags=re.M) else re.sub(r"^(logit *=.*)$", r"on heter { \1\n}", text, flags=re.M)


class RandomPlacement(e2e.TestCase):
    def check_placements(self, text, count):
        spec = self.folder / f"{SAMPLE}-{count}.heter"
        spec.write_text(text)
        data = self.synth(320)
        flags = ["--batch-size", 16]
        expected, _, model = self.train(self.compile(spec, "local", "--no-fuse"), data, *flags, dump=True)
        self.assertEqual(len(expected), 20)

        ir = self.folder / f"ir-{count}"
        self.compile(spec, "heter-ps", "--no-fuse", f"--dump-ir={ir}")
        distinct = set()
        for seed in range(count):
            dump = self.folder / f"placed-{count}.mlir"
            e2e.run_tool(RANDOM_PLACE, ir / "05-place.mlir", f"--seed={seed}", "-o", dump)
            distinct.add(dump.read_text())
            package = self.compile(dump, None, name=f"placed-{count}.pkg")
            losses, _, placed = self.train(package, data, *flags, dump=seed % 10 == 0)
            self.assertEqual(losses, expected, f"placement {seed}")
            if placed is not None:
                self.assertSameModel(placed, model, f"placement {seed}")
        self.assertGreater(len(distinct), count // 2, "the placements should differ")

    def test_trains_like_local(self):
        text = marked((e2e.SOURCE / "samples" / f"{SAMPLE}.heter").read_text())
        if SAMPLE == "ctr_dnn_large":
            self.assertIn(WIDE, text)
            self.check_placements(text, LARGE_PLACEMENTS)
            text = text.replace(WIDE, NARROW)
        self.check_placements(text, PLACEMENTS)


if __name__ == "__main__":
    unittest.main()
