"""Tables larger than memory: with room for a part of the rows alone, losses and every row are bit for bit those of a run that
has all in memory, in every mode, across saves, increments and loads; full disks and wrong folders are one clear error."""

import os
import pathlib
import resource
import subprocess
import time
import unittest

import cluster
import e2e

TABLE = "table emb { dim: 9, init: uniform(0.01), optimizer: adagrad(lr: 0.05) }"
FLAGS = ["--batch-size", 50, "--micro-batches", 2]


class Tiers(e2e.TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.synth(4000)
        self.tier = self.folder / "tier"

    def compile_with(self, options, mode="local"):
        text = (e2e.SOURCE / "samples" / "ctr_dnn.heter").read_text()
        self.assertIn(TABLE, text)
        spec = self.folder / f"spec-{len(list(self.folder.iterdir()))}.heter"
        spec.write_text(text.replace(TABLE, TABLE.replace(" }", options + " }")))
        return self.compile(spec, mode, "--no-fuse")

    def small(self, mode="local"):
        return self.compile_with(", memory: 376KiB, beyond: ssd", mode)

    def run_model(self, package, *flags, **more):
        return self.train(package, self.data, *FLAGS, "--test", self.data, *flags, dump=True, **more)

    def dump(self, saved):
        e2e.run_tool("heter", "dump", saved, "--out", self.folder / "dump.txt")
        return (self.folder / "dump.txt").read_bytes()

    def save(self, saved, *flags):
        """A saved model, and its dump."""
        e2e.run_tool("heter", "run", self.small(), "--data", self.data, "--tier-dir", self.tier, *FLAGS, "--save", saved,
                     *flags)
        return self.dump(saved)

    def assertSameRun(self, got, expected, what):
        self.assertEqual(got[0], expected[0], f"losses of {what}")
        self.assertSameModel(got[2], expected[2], what)
        for number in ["test", "tables"]:
            self.assertEqual(got[1][number], expected[1][number], what)

    def assertUsedTheDisk(self, summary):
        tier = summary["tiers"]["emb"]
        self.assertEqual(tier["rows_in_memory"] + tier["rows_on_disk"], summary["tables"]["emb"])
        self.assertLessEqual(tier["rows_in_memory"], 4200)
        self.assertGreater(tier["rows_on_disk"], 4000)
        self.assertGreater(tier["keys_on_disk"], 1000)
        self.assertGreater(tier["hit_rate"], 0.3)
        self.assertLess(tier["hit_rate"], 1)
        self.assertFalse(self.tier.exists() and list(self.tier.iterdir()), "scratch files stay")

    def test_all_modes_train_the_same_model(self):
        expected = self.run_model(self.compile_with(""))
        self.assertNotIn("tiers", expected[1])
        for mode, flags, launch in [("local", [], False), ("ps", ["--servers", 2], False),
                                    ("ps", ["--servers", 2, "--cpu-trainers", 2], True),
                                    ("heter-ps", ["--servers", 2, "--heter-trainers", 2], False)]:
            got = self.run_model(self.small(mode), "--tier-dir", self.tier, *flags, launch=launch)
            self.assertSameRun(got, expected, f"{mode} {flags}")
            self.assertUsedTheDisk(got[1])

    def test_room_for_all_is_as_memory_alone(self):
        expected = self.run_model(self.compile_with(""))
        got = self.run_model(self.compile_with(", memory: 1GiB, beyond: ssd"), "--tier-dir", self.tier)
        self.assertSameRun(got, expected, "all in memory")
        self.assertEqual(got[1]["tiers"]["emb"]["rows_on_disk"], 0)
        self.assertEqual(got[1]["tiers"]["emb"]["hit_rate"], 1)

    def test_saves_increments_and_loads(self):
        expected = self.run_model(self.compile_with(""))
        saved = self.folder / "amid"
        self.save(saved, "--max-examples", 2000, "--save-every", 4, "--increments", 3)
        got = self.run_model(self.small("ps"), "--servers", 2, "--load", saved, launch=True)
        self.assertSameModel(got[2], expected[2], "two servers after a local run")
        self.assertUsedTheDisk(got[1])
        got = self.run_model(self.compile_with(""), "--load", saved)
        self.assertSameModel(got[2], expected[2], "in memory after a run with a tier")
        predicted = [self.predict(package, saved) for package in [self.compile_with(""), self.small(), self.small("ps")]]
        self.assertEqual(predicted[1:], predicted[:1] * 2)

    def predict(self, package, saved):
        out = self.folder / "predictions.txt"
        e2e.run_tool("heter", "predict", package, "--load", saved, "--data", self.data, "--tier-dir", self.tier, "--out", out)
        return out.read_text()

    def test_asynchronous_runs_go_on(self):
        # Half-async joins steps while it may, so that in one epoch of 20 there are too few to learn much.
        for mode, flags, launch, epochs, auc in [
                ("local", ["async"], False, 1, 0.7), ("ps", ["async"], True, 1, 0.7),
                ("ps", ["half-async", "--staleness", 3], True, 3, 0.9),
                ("heter-ps", ["half-async", "--staleness", 3, "--heter-trainers", 2], True, 3, 0.9)]:
            losses, summary, _ = self.run_model(self.small(mode), "--epochs", epochs, "--update", *flags, launch=launch)
            self.assertEqual(len(losses), 40 * epochs)
            self.assertUsedTheDisk(summary)
            self.assertGreater(summary["test"]["auc"], auc)

    def test_the_run_says_where_rows_go_and_what_they_did(self):
        result = e2e.run_tool("heter", "run", self.small(), "--data", self.data, "--tier-dir", self.tier, *FLAGS)
        self.assertIn(f"rows of `emb` that have no room in memory go to {self.tier}", result.stderr)
        self.assertRegex(result.stdout, r"table   emb: [\d,]+ rows\n +[\d,]+ in memory, where [\d.]+ % of those pulled were; "
                                        r"[\d,]+ on disk: [\d,]+ blocks read, [\d.]+ \w+ written\n")
        self.assertIn("go to " + str(self.folder) + "\n",
                      e2e.run_tool("heter", "run", self.small(), "--data", self.data, *FLAGS, "--save", self.folder / "m",
                                   "--max-examples", 100).stderr)

    def test_a_live_server_shows_rows_that_lie_on_disk(self):
        run = cluster.Cluster(self.folder / "cluster", self.small("heter-ps"), ["--data", self.data, "--batch-size", 16,
                                                                        "--epochs", 200, "--tier-dir", self.tier])
        self.addCleanup(run.close)
        run.wait_for_steps()
        address = f"127.0.0.1:{run.relays['server 0'].target}"
        until = time.time() + 60
        keys = set()
        while len(keys) < 4000 and time.time() < until:  # 2,048 have room
            lines = e2e.run_tool("heter", "table", "dump", address, "emb").stdout.splitlines()
            keys = {line.split()[1] for line in lines}
        self.assertGreaterEqual(len(keys), 4000)
        for key in sorted(keys)[:3]:
            self.assertRegex(e2e.run_tool("heter", "table", "get", address, "emb", key).stdout, f"^emb {key} value ")

    def fails(self, package, *flags, limit=None):
        limited = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None
        result = subprocess.run([str(c) for c in [e2e.BIN / "heter", *flags[:1], package, "--data", self.data, *FLAGS,
                                                  *flags[1:]]],
                                capture_output=True, text=True, timeout=120, preexec_fn=limited)
        errors = [line for line in result.stderr.splitlines() if "error:" in line]
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(len(errors), 1, result.stderr)
        return errors[0]

    def test_a_full_disk_ends_the_run_and_leaves_the_last_save(self):
        saved = self.folder / "model"
        before = self.save(saved, "--max-examples", 500)
        for command, mode in [("run", "local"), ("launch", "ps")]:
            error = self.fails(self.small(mode), command, "--tier-dir", self.tier, "--save", saved, "--epochs", 9,
                               limit=24 * 4096)
            self.assertIn("table `emb`", error)
            self.assertIn(str(self.tier), error)
            self.assertIn("File too large", error)
        self.assertSameModel(self.dump(saved), before, "the last save")

    def test_a_damaged_file_ends_the_run(self):
        for mode in ["local", "ps"]:
            run = subprocess.Popen([str(c) for c in [e2e.BIN / "heter", "run", self.small(mode), "--data", self.data, *FLAGS,
                                                     "--epochs", 500, "--tier-dir", self.tier]],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                self.damage(run)
                errors = [line for line in run.communicate(timeout=120)[1].splitlines() if "error:" in line]
            finally:
                run.kill()
            self.assertNotEqual(run.returncode, 0)
            self.assertEqual(len(errors), 1, errors)
            self.assertRegex(errors[0], rf"table `emb`: block \d+ of `{self.tier}/emb.rows` is not what was written")

    def damage(self, run):
        """Overwrites what the run has on disk, again and again until it notices."""
        until = time.time() + 60
        damaged = False
        while run.poll() is None and time.time() < until:
            for file in pathlib.Path(f"/proc/{run.pid}/fd").iterdir():
                try:
                    if str(self.tier) in os.readlink(file) and (size := os.stat(file).st_size) > 0:
                        with open(file, "r+b") as out:
                            out.write(b"?" * size)
                            damaged = True
                except OSError:
                    pass
            time.sleep(0.05)
        self.assertTrue(damaged)

    def test_wrong_folders_and_budgets(self):
        (self.folder / "file").write_text("")
        for mode in ["local", "ps"]:
            error = self.fails(self.small(mode), "run", "--tier-dir", self.folder / "file")
            self.assertIn(str(self.folder / "file"), error)
        spec = self.folder / "little.heter"
        spec.write_text((e2e.SOURCE / "samples" / "ctr_dnn.heter").read_text().replace(
            TABLE, TABLE.replace(" }", ", memory: 100KiB, beyond: ssd }")))
        result = e2e.run_tool("heterc", spec, "-o", self.folder / "little.pkg", check=False)
        self.assertIn("`memory` is 100KiB, too little", result.stderr)
        self.assertIn("at least 372KiB", result.stderr)


if __name__ == "__main__":
    unittest.main()
