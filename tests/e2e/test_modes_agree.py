"""One trainer, sync, 200 steps on real clicks: local, ps and heter-ps give the same losses and the same model, bit for bit
without fusion; so do 1, 2 and 4 cpu-trainers with the same number of micro-batches, and the same command twice."""

import unittest

import e2e

DATA = e2e.real_criteo("e2e.modes_agree")


class ModesAgree(e2e.TestCase):
    def test_three_modes_bit_equal_without_fusion(self):
        flags = ["--batch-size", 40, "--lines", "1:8000"]
        expected = None
        for mode in ["local", "ps", "heter-ps"]:
            package = self.compile("ctr_dnn", mode, "--no-fuse")
            losses, summary, model = self.train(package, DATA, *flags, dump=True)
            self.assertEqual(len(losses), 200)
            self.assertEqual(summary["mode"], mode)
            if expected is None:
                expected = (losses, model)
                self.assertGreater(len(model.splitlines()), 10000)
                continue
            self.assertEqual(losses, expected[0], f"losses of {mode} and local")
            self.assertSameModel(model, expected[1], f"{mode} against local")

    def test_three_modes_bit_equal_in_bf16(self):
        flags = ["--batch-size", 40, "--lines", f"1:{e2e.fewer(2000)}"]
        expected = None
        in_f32, _, _ = self.train(self.compile("ctr_dnn", "local", "--no-fuse"), DATA, *flags)
        for mode in ["local", "ps", "heter-ps"]:
            package = self.compile("ctr_dnn", mode, "--no-fuse", "--precision=bf16")
            losses, _, model = self.train(package, DATA, *flags, dump=True)
            if expected is None:
                expected = (losses, model)
                self.assertLossesClose(losses, in_f32, 5e-3, "bf16 against f32")
                self.assertNotEqual(losses, in_f32)
                continue
            self.assertEqual(losses, expected[0], f"losses of {mode} and local")
            self.assertSameModel(model, expected[1], f"{mode} against local")

    def test_fused_bf16_reads_no_freed_memory_on_any_device(self):
        flags = ["--batch-size", 500, "--lines", f"1:{e2e.fewer(3777)}"]
        expected, _, _ = self.train(self.compile("ctr_dnn", "local", "--precision=bf16"), DATA, *flags)
        for mode, more in [("local", []), ("heter-ps", ["--device", "heter=separate", "--heter-trainers", 2])]:
            package = self.compile("ctr_dnn", mode, "--precision=bf16")
            losses, _, _ = self.train(package, DATA, *flags, "--poison-freed", *more)
            self.assertEqual(losses, expected, f"{mode} with poisoned memory")

    def test_fused_losses_agree_for_20_steps(self):
        flags = ["--batch-size", 40, "--lines", "1:800"]
        expected, _, _ = self.train(self.compile("ctr_dnn", "local", "--no-fuse"), DATA, *flags)
        for mode in ["local", "ps", "heter-ps"]:
            losses, _, _ = self.train(self.compile("ctr_dnn", mode), DATA, *flags)
            self.assertLossesClose(losses, expected, 1e-5, f"fused {mode}")

    def test_number_of_trainers_changes_nothing(self):
        flags = ["--batch-size", 40, "--lines", "1:8000", "--micro-batches", 4]
        package = self.compile("ctr_dnn", "heter-ps", "--no-fuse")
        expected = None
        for trainers, servers in [(1, 1), (2, 2), (4, 3)]:
            losses, _, model = self.train(package, DATA, *flags, "--cpu-trainers", trainers, "--servers", servers, dump=True)
            self.assertEqual(len(losses), 50)
            if expected is None:
                expected = (losses, model)
                continue
            self.assertEqual(losses, expected[0], f"losses of {trainers} cpu-trainers")
            self.assertSameModel(model, expected[1], f"{trainers} cpu-trainers against one")

    def test_same_command_twice(self):
        package = self.compile("deepfm", "heter-ps")
        first = self.train(package, DATA, "--lines", "1:4000", "--batch-size", 100, dump=True)
        second = self.train(package, DATA, "--lines", "1:4000", "--batch-size", 100, dump=True)
        self.assertEqual(first[0], second[0])
        self.assertSameModel(first[2], second[2], "the same command twice")


if __name__ == "__main__":
    unittest.main()
