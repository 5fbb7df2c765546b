"""Large parameters are updated while their gradients are made, before a step is closed: the saved model has the same bits as
where all updates come at the end of each step, by any optimizer, with saves amid training and without; and the checking mode
finds no reader that comes too late."""

import re
import unittest

import e2e

SPEC = """
model wide
dense : f32[13]
slots : id[26]
click : label
table emb {{ dim: 9, init: uniform(0.01), optimizer: adagrad(lr: 0.05) }}
deep = concat(dense, flatten(lookup(emb, slots)))
on heter {{
  first = relu(linear(deep, 1040))
  second = relu(linear(first, 600))
  logit = linear(second, 1)
}}
loss = mean(sigmoid_cross_entropy(logit, click))
minimize loss with {optimizer}
report auc(sigmoid(logit), click)
predict sigmoid(logit)
data criteo : tsv {{
  click = col[0]
  dense = log1p(max(col[1..13], 0))
  slots = hash(col[14..39])
}}
"""
# A step waits for the one before, but may keep the values from it: updates come when a step is closed.
AT_THE_END = ["--update", "half-async", "--staleness", 1, "--in-flight", 1]


class EarlyUpdates(e2e.TestCase):
    def wide(self, optimizer, precision):
        spec = self.folder / f"wide-{len(list(self.folder.iterdir()))}.heter"
        spec.write_text(SPEC.format(optimizer=optimizer))
        return self.compile(spec, "local", f"--precision={precision}")

    def test_inspect_tells_which(self):
        for precision in ["bf16", "f32"]:
            shown = e2e.run_tool("heter", "inspect", self.wide("adam(lr: 1e-3)", precision)).stdout
            [node] = re.findall(r"^    (\d+) updates second\.weight$", shown, re.MULTILINE)
            self.assertRegex(shown, rf"(?m)^    {node} library (product|matmul) .*f32\[1040, 600\]")
            self.assertNotIn("updates first.weight", shown)  # 1 MB

    def test_the_bits_are_those_of_updates_at_the_end(self):
        data = self.synth(e2e.fewer(600))
        averaged = "adam(lr: warmup(cosine(1e-3, over: 12 steps), over: 4 steps)) { average: ema(0.9) }"
        cases = [("bf16", "adam(lr: 1e-3)"), ("f32", "adam(lr: 1e-3)")]
        ways = [["--threads", 4, "--poison-freed"], ["--threads", 2, "--save-every", 2]]
        if not e2e.TILES_EMULATED:
            cases += [("bf16", "adagrad(lr: 0.01)"), ("bf16", averaged), ("f32", "sgd(lr: 0.1)")]
            ways += [["--threads", 1], ["--threads", 2]]
        for precision, optimizer in cases:
            package = self.wide(optimizer, precision)
            flags = ["--batch-size", 50, "--test", data]
            losses, _, expected = self.train(package, data, *flags, *AT_THE_END, dump=True)
            for more in ways:
                got, _, model = self.train(package, data, *flags, *more, dump=True)
                self.assertEqual(got, losses, f"{precision}, {optimizer}, {more}")
                self.assertSameModel(model, expected, f"{precision}, {optimizer}, {more}")


if __name__ == "__main__":
    unittest.main()
