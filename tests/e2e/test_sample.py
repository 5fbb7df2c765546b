"""One sample on the real data that suits it: its losses are bit-equal in the three modes without fusion, agree to 1e-4 over
20 steps with a trainer in double precision, and it learns. Usage: test_sample.py SAMPLE"""

import os
import pathlib
import re
import sys
import unittest

import e2e

REFERENCE = e2e.BIN.parent / "tests" / "bin" / "model_reference"

# Of a sample: its lines below HETER_TEST_DATA; flags of a short run; lines to learn from, how, and the least test AUC.
CRITEO, ADULT, ALICCP = "criteo/raw_first10000.txt", "adult/adult.data", "aliccp/ali_ccp_train_sample.csv"
SAMPLES = {
    "wide_deep": (ADULT, ["--lines", "1:640", "--batch-size", 32], "1:26000", "26001:32561", 0.89),
    "dcn_v2": (CRITEO, ["--lines", "1:160", "--batch-size", 8], "1:8000", "8001:10000", 0.72),
    "dlrm": (CRITEO, ["--lines", "1:320", "--batch-size", 16], "1:8000", "8001:10000", 0.71),
    # 100 lines, so the fifth epoch's mean loss is held against the first's: at most this share of it.
    "mmoe": (ALICCP, ["--batch-size", 5, "--lines", "1:100"], None, None, 0.8),
    "esmm": (ALICCP, ["--batch-size", 5, "--lines", "1:100"], None, None, 0.8),
}
SAMPLE = sys.argv.pop(1)
PATH, SHORT, TRAIN, TEST, LEAST = SAMPLES[SAMPLE]
DATA = pathlib.Path(os.environ.get("HETER_TEST_DATA", "")) / PATH
if not os.environ.get("HETER_TEST_DATA") or not DATA.exists():
    print(f"SKIPPED: e2e.sample.{SAMPLE} needs {PATH}; set HETER_TEST_DATA to its folder")
    sys.exit(e2e.SKIPPED)


class Sample(e2e.TestCase):
    def test_three_modes_bit_equal_without_fusion(self):
        expected = None
        for mode in ["local", "ps", "heter-ps"]:
            losses, summary, model = self.train(self.compile(SAMPLE, mode, "--no-fuse"), DATA, *SHORT, dump=True)
            self.assertEqual(len(losses), 20)
            self.assertEqual(summary["mode"], mode)
            expected = expected or (losses, model)
            self.assertEqual(losses, expected[0], f"losses of {mode} and local")
            self.assertSameModel(model, expected[1], f"{mode} against local")

    def test_losses_of_double_precision(self):
        package = self.compile(SAMPLE)
        result = e2e.run_tool(REFERENCE, e2e.SOURCE / "samples" / f"{SAMPLE}.heter", package, "--data", DATA, *SHORT)
        expected = [line.split()[1] for line in result.stdout.splitlines()]
        self.assertEqual(len(expected), 20)
        losses, _, _ = self.train(package, DATA, *SHORT)
        self.assertLossesClose(losses, expected, 1e-4, "local, fused")
        losses, _, _ = self.train(self.compile(SAMPLE, "heter-ps"), DATA, *SHORT)
        self.assertLossesClose(losses, expected, 1e-4, "heter-ps, fused")

    def test_learns(self):
        if TEST is None:
            losses, summary, _ = self.train(self.compile(SAMPLE, "heter-ps"), DATA, *SHORT, "--epochs", 5)
            reports = re.findall(r"^report .* as (\w+)", (e2e.SOURCE / "samples" / f"{SAMPLE}.heter").read_text(), re.M)
            self.assertEqual(sorted(reports), sorted(summary["train"]["reports"]))
            first, last = ([float(loss) for loss in part] for part in (losses[:20], losses[-20:]))
            print(f"mean loss of the first epoch {sum(first) / 20:.4f}, of the fifth {sum(last) / 20:.4f}")
            self.assertLess(sum(last), LEAST * sum(first))
            return
        _, summary, _ = self.train(self.compile(SAMPLE, "heter-ps"), DATA, "--lines", TRAIN, "--test", DATA, "--test-lines",
                                   TEST, "--batch-size", 128)
        print(f"test AUC {summary['test']['auc']:.4f}")
        self.assertGreaterEqual(summary["test"]["auc"], LEAST)


if __name__ == "__main__":
    unittest.main()
