"""Several lookups of one table in a batch: their keys are found together, rows are pulled once, gradients summed once. All modes
learn the same as a trainer in double precision and as a program without fusion; threads, servers and trainers change no bit;
keys of a lookup that is not trained get no rows."""

import unittest

import e2e

MODEL = e2e.SOURCE / "tests" / "e2e" / "Inputs" / "shared_tables.heter"
REFERENCE = e2e.BIN.parent / "tests" / "bin" / "model_reference"
FLAGS = ["--batch-size", 40]


def rows_of(model, table):
    return [line.split()[1] for line in model.decode().splitlines() if line.startswith(table + " ")]


class SharedTables(e2e.TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.synth(800)

    def test_double_precision(self):
        local = self.compile(MODEL)
        reference = e2e.run_tool(REFERENCE, MODEL, local, "--data", self.data, "--lines", "1:800", *FLAGS)
        expected = [line.split()[1] for line in reference.stdout.splitlines()]
        self.assertEqual(len(expected), 20)
        for mode, package in [("local", local), ("ps", self.compile(MODEL, "ps")),
                              ("heter-ps", self.compile(MODEL, "heter-ps"))]:
            losses, _, _ = self.train(package, self.data, *FLAGS)
            self.assertLossesClose(losses, expected, 1e-4, mode)

    def test_fusion_changes_no_more_than_the_order_of_sums(self):
        flags = [*FLAGS, "--micro-batches", 2]
        expected = self.train(self.compile(MODEL, "local", "--no-fuse"), self.data, *flags, dump=True)
        for mode in ["ps", "heter-ps"]:
            got = self.train(self.compile(MODEL, mode, "--no-fuse"), self.data, *flags, dump=True)
            self.assertEqual(got[0], expected[0], f"{mode} without fusion")
            self.assertSameModel(got[2], expected[2], f"{mode} without fusion")
        for mode in ["local", "ps", "heter-ps"]:
            losses, _, model = self.train(self.compile(MODEL, mode), self.data, *flags, dump=True)
            self.assertLossesClose(losses, expected[0], 1e-5, mode)
            for table in ["goods", "hot"]:
                self.assertEqual(rows_of(model, table), rows_of(expected[2], table), f"keys of {table} in {mode}")

    def test_who_computes_changes_no_bit(self):
        package = self.compile(MODEL, "heter-ps")
        flags = [*FLAGS, "--micro-batches", 2]
        expected = self.train(package, self.data, *flags, "--threads", 1, dump=True)
        for more in [["--threads", 3], ["--row-cache", "0"], ["--device", "heter=separate", "--poison-freed"],
                     ["--servers", 3, "--cpu-trainers", 2, "--heter-trainers", 2]]:
            losses, _, model = self.train(package, self.data, *flags, *more, dump=True)
            self.assertEqual(losses, expected[0], str(more))
            self.assertSameModel(model, expected[2], str(more))

    def test_every_update_learns(self):
        """In every mode of updates each key is pushed once a micro-batch: rows and their number are those of sync training."""
        package = self.compile(MODEL, "heter-ps")
        _, sync, model = self.train(package, self.data, *FLAGS, dump=True)
        for update in [["half-async", "--staleness", 1], ["async"]]:
            losses, summary, other = self.train(package, self.data, *FLAGS, "--update", *update, dump=True)
            self.assertEqual(len(losses), 20)
            self.assertEqual(sorted(rows_of(other, "goods")), sorted(rows_of(model, "goods")), str(update))
            self.assertEqual(summary["tables"], sync["tables"], str(update))

    def test_what_is_not_trained_gets_no_rows(self):
        """The keys of columns 22 to 25 are pulled together with the others', and not pushed."""
        lines = [line.split("\t") for line in self.data.read_text().splitlines()]
        trained = {value for line in lines for value in line[14:22]}
        watched = {value for line in lines for value in line[22:26]} - trained
        self.assertGreater(len(watched), 100)
        words = {word for line in lines for word in line[16].split("1")}
        for mode in ["local", "heter-ps"]:
            _, _, model = self.train(self.compile(MODEL, mode), self.data, *FLAGS, dump=True)
            self.assertEqual(len(rows_of(model, "goods")), len(trained) + len(words - {""}), mode)

    def test_explain_lists_it(self):
        for mode, role in [("local", "local"), ("heter-ps", "heter-trainer.heter")]:
            report = e2e.run_tool("heterc", MODEL, "-o", self.folder / "p", f"--mode={mode}", "--explain").stdout
            kernels = report[report.index("Kernels: what was fused"):]
            train = " ".join(kernels[kernels.index(f"\n{role}.train\n"):].split())
            self.assertRegex(train, r"the keys of 3 lists of ids are found together, and each one's row is pulled once: "
                                    r"\S+ pull hot ")
            self.assertRegex(train, r"one call sums the gradients of 3 lookups: \S+ lookup_grad \+ add_rows ")
            report = e2e.run_tool("heterc", MODEL, "-o", self.folder / "p", f"--mode={mode}", "--explain", "--no-fuse").stdout
            self.assertNotIn("found together", " ".join(report.split()))


if __name__ == "__main__":
    unittest.main()
