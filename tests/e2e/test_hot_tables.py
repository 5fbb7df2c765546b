"""Tables looked up on heter-trainers: the ids are sent instead of the rows, and rows, states, counters and losses are bit for
bit those of a local run, whoever looks up what; a heter-trainer that is killed loses nothing that was saved."""

import os
import signal
import time
import unittest

import e2e
from cluster import Launched

MODEL = e2e.SOURCE / "tests" / "e2e" / "Inputs" / "hot_tables.heter"
RANDOM_PLACE = e2e.BIN.parent / "tests" / "bin" / "heter-random-place"
FLAGS = ["--batch-size", 50, "--micro-batches", 2]


class HotTables(e2e.TestCase):
    def train(self, package, *flags, **more):
        data = self.synth(4000)
        losses, summary, model = super().train(package, data, *FLAGS, "--test", data, *flags, dump=True, **more)
        return losses, (summary["test"], summary["tables"]), model

    def assertSameRun(self, got, expected, what):
        self.assertEqual(got[0], expected[0], f"losses of {what}")
        self.assertSameModel(got[2], expected[2], what)
        self.assertEqual(got[1], expected[1], what)

    def test_all_modes_train_the_same_model(self):
        expected = self.train(self.compile(MODEL, "local", "--no-fuse"))
        self.assertGreater(expected[1][1]["hot"], 100, "rows of the hot table should stay")
        self.assertSameRun(self.train(self.compile(MODEL, "ps", "--no-fuse")), expected, "ps")
        package = self.compile(MODEL, "heter-ps", "--no-fuse")
        for flags in [[], ["--device", "heter=separate", "--poison-freed"],
                      ["--servers", 3, "--cpu-trainers", 2, "--heter-trainers", 2]]:
            self.assertSameRun(self.train(package, *flags), expected, f"heter-ps {flags}")
        self.assertSameRun(self.train(package, "--servers", 2, "--heter-trainers", 2, launch=True), expected, "heter launch")
        fused = self.train(self.compile(MODEL, "heter-ps"), "--device", "heter=separate", "--poison-freed")
        self.assertLossesClose(fused[0], expected[0], 1e-5, "with fusion")

    def test_ids_are_sent_and_not_rows(self):
        report = e2e.run_tool("heterc", MODEL, "-o", self.folder / "p", "--mode=heter-ps", "--explain").stdout
        train = report[report.index("==== train"):report.index("==== infer")]
        self.assertRegex(train, r"tensor<\?x8xi64>, 64 B an example\n +from nn.input \"tops\"")
        heter = train[train.index("\nheter-trainer.heter  ", train.index("\ncpu-trainer  ", train.index("depth"))):]
        self.assertRegex(heter, r"marked `on heter` [^\n]*:\n +ps.pull_rows @hot")
        self.assertRegex(heter, r"where the rows are looked up:\n(.*\n)*? +ps.push_rows @hot(.*\n)* +ps.push_rows @lists")
        self.assertRegex(train, "row gradients of lookups on cpu-trainer and heter-trainer.heter meet here:")

    def test_kept_rows_change_nothing_in_sync_mode(self):
        package = self.compile(MODEL, "heter-ps", "--no-fuse")
        more = ["--servers", 2, "--heter-trainers", 2, "--cpu-trainers", 2]
        expected = self.train(package, *more, "--row-cache", "0")
        for size in ["256MiB", "40KiB"]:
            self.assertSameRun(self.train(package, *more, "--row-cache", size), expected, f"--row-cache {size}")

    def test_says_whose_rows_are_kept(self):
        package = self.compile(MODEL, "heter-ps")
        run = ["heter", "run", package, "--data", self.synth(100)]
        self.assertIn("--row-cache is for rows of `hot.weight`, `hot.vector`, `lists`, `both`; of `cold` none are kept, "
                      "since no heter-trainer looks them up\n", e2e.run_tool(*run, "--row-cache", "1MiB").stderr)
        for more in [[], ["--row-cache", "0"]]:
            self.assertNotIn("--row-cache", e2e.run_tool(*run, *more).stderr)

    def test_half_async_with_kept_rows_learns_as_without(self):
        package = self.compile(MODEL, "heter-ps")
        data, test = self.synth(40000), self.synth(8000, seed=2)
        flags = ["--batch-size", 50, "--in-flight", 2, "--test", test]
        _, sync, _ = super().train(package, data, *flags)
        half = [*flags, "--update", "half-async", "--staleness", 2]
        _, without, _ = super().train(package, data, *half, "--row-cache", "0")
        _, kept, _ = super().train(package, data, *half)
        self.assertEqual(without["row_cache"], {"hits": 0, "misses": 0, "stale": 0})
        wanted = sum(kept["row_cache"].values())
        print(f"{kept['row_cache']}, test loss {kept['test']['loss']}, without {without['test']['loss']}, sync {sync['test']['loss']}")
        self.assertGreater(kept["row_cache"]["hits"], wanted / 4, "a step should use rows of the one before")
        self.assertAlmostEqual(kept["test"]["loss"], without["test"]["loss"], delta=0.01)
        self.assertAlmostEqual(kept["test"]["loss"], sync["test"]["loss"], delta=0.01)

    def test_random_placements(self):
        data = self.synth(800)
        expected = super().train(self.compile(MODEL, "local", "--no-fuse"), data, *FLAGS, dump=True)
        ir = self.folder / "ir"
        self.compile(MODEL, "heter-ps", "--no-fuse", f"--dump-ir={ir}")
        placed = self.folder / "placed.mlir"
        for seed in range(12):
            e2e.run_tool(RANDOM_PLACE, ir / "05-place.mlir", f"--seed={seed}", "-o", placed)
            losses, _, model = super().train(self.compile(placed, None), data, *FLAGS, dump=True)
            self.assertEqual(losses, expected[0], f"placement {seed}")
            self.assertSameModel(model, expected[2], f"placement {seed}")

    def test_a_killed_heter_trainer_loses_nothing(self):
        package = self.compile(MODEL, "heter-ps", "--no-fuse")
        expected = self.train(package, "--heter-trainers", 2)
        saved = self.folder / "saved"
        data = self.synth(4000)
        run = Launched(self.folder / "run", package,
                       ["--data", data, *FLAGS, "--heter-trainers", 2, "--device", "heter=timed:20ms", "--save", saved,
                        "--save-every", 4])
        self.addCleanup(lambda: run.process.poll() is None and run.process.kill())
        run.find_roles(4)
        deadline = time.time() + 60
        while not (saved / "manifest.json").exists() and time.time() < deadline:
            self.assertIsNone(run.process.poll(), "it should train still")
            time.sleep(0.02)
        os.kill(run.roles["heter-trainer.heter 1"], signal.SIGKILL)
        output, _ = run.process.communicate(timeout=60)
        self.assertNotEqual(run.process.returncode, 0)
        self.assertIn("heter-trainer.heter 1", output)
        losses, rest, model = self.train(package, "--heter-trainers", 2, "--load", saved)
        self.assertLess(len(losses), len(expected[0]), "it should go on amid the data")
        self.assertSameModel(model, expected[2], "training that went on, against unbroken training")
        self.assertEqual(rest, expected[1])


if __name__ == "__main__":
    unittest.main()
