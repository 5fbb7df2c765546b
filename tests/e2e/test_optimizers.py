"""Every optimizer, schedules, clipping, an average and rows that must be earned, from a model to saves and predictions: all
modes agree bit for bit, training in two runs is training in one, losses are those of a trainer in double precision, and
tests and predictions use the averages."""

import math
import unittest

import e2e

MODEL = e2e.SOURCE / "tests" / "e2e" / "Inputs" / "optimizers.heter"
REFERENCE = e2e.BIN.parent / "tests" / "bin" / "model_reference"
FLAGS = ["--batch-size", 40]


class Optimizers(e2e.TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.synth(800)

    def test_modes_agree(self):
        expected = None
        for mode, flags in [("local", []), ("ps", ["--servers", 3]), ("heter-ps", ["--cpu-trainers", 2, "--servers", 2])]:
            package = self.compile(MODEL, mode, "--no-fuse")
            losses, summary, model = self.train(package, self.data, *FLAGS, "--micro-batches", 2, "--test", self.data,
                                                *flags, dump=True)
            self.assertEqual(len(losses), 10)
            if expected is None:
                expected = (losses, model, summary["test"]["auc"])
                continue
            self.assertEqual(losses, expected[0], f"losses of {mode} and local")
            self.assertSameModel(model, expected[1], f"{mode} against local")
            self.assertEqual(summary["test"]["auc"], expected[2], f"{mode} tests what local tests")

    def test_two_runs_are_one(self):
        """Schedules go by the steps that the save has."""
        for mode in ["local", "heter-ps"]:
            package = self.compile(MODEL, mode)
            _, _, whole = self.train(package, self.data, *FLAGS, dump=True)
            first = self.folder / f"first-{mode}"
            self.train(package, self.data, *FLAGS, "--max-examples", 400, "--save", first)
            _, _, rest = self.train(package, self.data, *FLAGS, "--load", first, dump=True)
            self.assertSameModel(rest, whole, f"two runs of {mode}")

    def test_double_precision(self):
        """All rows from the start, as the reference has them."""
        spec = self.folder / "all_rows.heter"
        spec.write_text(MODEL.read_text().replace(", admit: count(3)", ""))
        local = self.compile(spec)
        reference = e2e.run_tool(REFERENCE, spec, local, "--data", self.data, "--lines", "1:800", *FLAGS)
        expected = [line.split()[1] for line in reference.stdout.splitlines()]
        self.assertEqual(len(expected), 20)
        for mode, package in [("local", local), ("heter-ps", self.compile(spec, "heter-ps"))]:
            losses, _, _ = self.train(package, self.data, *FLAGS)
            self.assertLossesClose(losses, expected, 1e-4, mode)

    def test_each_value_is_clipped(self):
        losses = {}
        for clip in ["value(0.001)", "global_norm(100)"]:
            spec = self.folder / f"{clip[:5]}.heter"
            spec.write_text(MODEL.read_text().replace(", admit: count(3)", "").replace("global_norm(1)", clip))
            local = self.compile(spec)
            reference = e2e.run_tool(REFERENCE, spec, local, "--data", self.data, "--lines", "1:800", *FLAGS)
            expected = [line.split()[1] for line in reference.stdout.splitlines()]
            for mode, package in [("local", local), ("heter-ps", self.compile(spec, "heter-ps"))]:
                losses[clip], _, _ = self.train(package, self.data, *FLAGS)
                self.assertLossesClose(losses[clip], expected, 1e-4, f"{clip} in {mode}")
        self.assertNotEqual(*losses.values())

    def test_a_key_earns_its_vector(self):
        """With count(3), a key has a weight from the start and a vector from the third step on that updates it."""
        _, _, text = self.train(self.compile(MODEL), self.data, *FLAGS, dump=True)
        seen = {}
        for number, line in enumerate(self.data.read_text().splitlines()):
            for column, value in enumerate(line.split("\t")[14:]):
                seen.setdefault((column, value), set()).add(number // 40)
        rows = [line for line in text.decode().splitlines() if line.startswith("fm ")]
        self.assertTrue(all("weight.value" in row for row in rows))
        self.assertEqual(len(rows), len(seen))
        self.assertEqual(sum("vector.value" in row for row in rows), sum(len(steps) >= 3 for steps in seen.values()))

    def test_predictions_use_the_average(self):
        spec = self.folder / "linear.heter"
        spec.write_text("""model linear
dense : f32[13]
click : label
logit = linear(dense, 1)
loss = mean(sigmoid_cross_entropy(logit, click))
minimize loss with momentum(lr: 0.1) { average: window(6 steps) }
report auc(sigmoid(logit), click)
predict logit
data criteo : tsv {
  click = col[0]
  dense = log1p(max(col[1..13], 0))
}
""")
        for mode in ["local", "ps"]:
            package, saved = self.compile(spec, mode), self.folder / f"saved-{mode}"
            self.train(package, self.data, *FLAGS, "--save", saved)
            text = e2e.run_tool("heter", "dump", saved).stdout
            state = {}
            for line in text.splitlines():
                words = line.split()
                if words[0] in ("logit.weight", "logit.bias"):
                    state.setdefault(f"{words[0]} {words[1]}", []).extend(float(w) for w in words[3:])
            out = self.folder / f"predictions-{mode}"
            e2e.run_tool("heter", "predict", package, "--load", saved, "--data", self.data, "--lines", "1:50", "--out", out)
            weight, bias = state["logit.weight average"], state["logit.bias average"][0]
            self.assertGreater(max(abs(a - b) for a, b in zip(weight, state["logit.weight value"])), 1e-3)
            for line, predicted in zip(self.data.read_text().splitlines(), out.read_text().splitlines()):
                numbers = [math.log1p(max(float(c), 0)) if c else 0 for c in line.split("\t")[1:14]]
                self.assertAlmostEqual(float(predicted), sum(w * x for w, x in zip(weight, numbers)) + bias, places=4)

    def test_schedules_are_shown(self):
        shown = e2e.run_tool("heter", "inspect", self.compile(MODEL)).stdout
        self.assertIn("lr: warmup(over: 5, to: exponential(every: 10, from: 0.01, rate: 0.9))", shown)
        self.assertIn("learning rate by warmup_rate_0", shown)
        self.assertIn("average tests and predicts", shown)

    def test_async_is_advised(self):
        package = self.compile("ctr_dnn")
        run = ["heter", "run", package, "--data", self.data, *FLAGS, "--update", "async"]
        advice = "early training with adagrad and adam suffers"
        self.assertIn(advice, e2e.run_tool(*run, "--in-flight", 2).stderr)
        self.assertNotIn(advice, e2e.run_tool(*run, "--in-flight", 1).stderr)


if __name__ == "__main__":
    unittest.main()
