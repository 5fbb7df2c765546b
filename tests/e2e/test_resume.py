"""Going on with a saved model: 500 steps at once equal 250, a save, and 250 more by other numbers of servers and trainers,
in every dense value, row and state; so does a run that was killed and goes on from its last periodic save."""

import pathlib
import signal
import subprocess
import time
import unittest

import e2e

BATCH = ["--batch-size", 4, "--micro-batches", 2]


class Resume(e2e.TestCase):
    def dump(self, model):
        text = self.folder / f"{model.name}.txt"
        e2e.run_tool("heter", "dump", model, "--out", text)
        return text.read_bytes()

    def run_steps(self, package, data, *flags):
        """The losses of a run, as text."""
        losses = self.folder / f"losses-{len(list(self.folder.iterdir()))}"
        e2e.run_tool("heter", "run", package, "--data", data, *BATCH, "--losses", losses, *flags)
        return losses.read_text().splitlines()

    def test_two_halves_are_the_whole(self):
        data = self.synth(3000)  # 375 steps: the second half begins in the first epoch and ends in the second.
        for mode in ["local", "heter-ps"]:
            package = self.compile("ctr_dnn", mode)
            whole, half, rest = (self.folder / f"{mode}-{name}" for name in ["whole", "half", "rest"])
            first = ["--servers", 2, "--cpu-trainers", 2] if mode != "local" else []
            second = ["--servers", 3, "--cpu-trainers", 1] if mode != "local" else []
            expected = self.run_steps(package, data, *first, "--epochs", 2, "--max-examples", 4000, "--save", whole)
            self.assertEqual(len(expected), 500)
            got = self.run_steps(package, data, *first, "--epochs", 2, "--max-examples", 2000, "--save", half)
            self.assertEqual(len(got), 250)
            got += self.run_steps(package, data, *second, "--epochs", 2, "--max-examples", 4000, "--load", half,
                                  "--save", rest)
            self.assertEqual(got, expected)
            self.assertSameModel(self.dump(rest), self.dump(whole), f"{mode}: in halves and at once")

    def steps_until_killed(self, command, model):
        """Kills a run that saves every 50 steps once it keeps its third; gives the steps of the newest whole one."""
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        deadline = time.time() + 120
        while not list(model.glob("save-000003.json")):
            self.assertIsNone(process.poll(), "it trains for longer")
            self.assertLess(time.time(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        steps = int(self.dump(model).splitlines()[2].split()[1])
        self.assertEqual(steps % 50, 0)
        return steps

    def test_a_run_that_was_killed_goes_on(self):
        data = self.synth(20000)
        package = self.compile("ctr_dnn", "ps")
        model, whole = self.folder / "model", self.folder / "whole"
        flags = ["--epochs", 3, "--save-every", 50, "--increments", 3, "--keep-checkpoints", 4]
        command = [e2e.BIN / "heter", "run", package, "--data", data, *BATCH, *flags, "--save", model]
        steps = self.steps_until_killed(command, model)
        until = ["--epochs", 3, "--max-examples", (steps + 200) * 8]
        expected = self.run_steps(package, data, *until, "--save", whole)
        got = self.run_steps(package, data, *until, "--load", model, "--save", model, "--servers", 2)
        self.assertEqual(got, expected[steps:])
        self.assertSameModel(self.dump(model), self.dump(whole), "killed and gone on with")

    def test_an_asynchronous_run_that_was_killed_goes_on(self):
        data = self.synth(20000)
        package = self.compile("ctr_dnn", "ps")
        model = self.folder / "model"
        flags = ["--update", "async", "--servers", 2, "--cpu-trainers", 2]
        command = [e2e.BIN / "heter", "run", package, "--data", data, *BATCH, *flags, "--epochs", 3, "--save-every", 50,
                   "--keep-checkpoints", 4, "--save", model]
        steps = self.steps_until_killed(command, model)
        got = self.run_steps(package, data, "--update", "async", "--epochs", 3, "--max-examples", (steps + 200) * 8,
                             "--load", model, "--save", model)
        self.assertEqual([int(line.split()[0]) for line in got], list(range(steps, steps + 200)))


if __name__ == "__main__":
    unittest.main()
