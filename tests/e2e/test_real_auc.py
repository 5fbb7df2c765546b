"""One epoch of CTR-DNN over 8,000 real lines reaches a test AUC of 0.725 on the next 2,000 in every mode."""

import unittest

import e2e

DATA = e2e.real_criteo("e2e.real_auc")


class RealAuc(e2e.TestCase):
    def test_auc_in_three_modes(self):
        for mode in ["local", "ps", "heter-ps"]:
            _, summary, _ = self.train(self.compile("ctr_dnn", mode), DATA, "--lines", "1:8000", "--test", DATA,
                                       "--test-lines", "8001:10000", "--batch-size", 128)
            print(f"{mode}: test AUC {summary['test']['auc']:.4f}")
            self.assertEqual(summary["test"]["examples"], 2000)
            self.assertGreaterEqual(summary["test"]["auc"], 0.725, mode)


if __name__ == "__main__":
    unittest.main()
