"""Exports predict what the saved model predicts, a reader in plain Python finds the same values, an export with its
deltas is the export of the later save, and wrong files are refused by name."""

import re
import resource
import struct
import subprocess
import unittest

import e2e

ADMITTED = """
model admitted
dense : f32[13]
slots : id[26]
click : label
table fm {
  part weight { dim: 1, init: zeros, optimizer: sgd(lr: 0.05) }
  part vector { dim: 6, init: uniform(0.05), optimizer: adagrad(lr: 0.05), admit: count(2) }
}
table unread { dim: 2, init: zeros, optimizer: sgd(lr: 0.1) }
first = sum(lookup(fm.weight, slots), axis: 0)
aside = sum(flatten(lookup(unread, slots)), axis: 0)
logit = linear(concat(dense, flatten(lookup(fm.vector, slots))), 1) + first
loss = mean(sigmoid_cross_entropy(logit, click)) + 0.001 * mean(aside * aside)
minimize loss with adam(lr: 1e-3) { average: ema(0.9) }
report auc(sigmoid(logit), click)
predict sigmoid(logit)
data criteo : tsv {
  click = col[0]
  dense = log1p(max(col[1..13], 0))
  slots = hash(col[14..39])
}
"""


def python_reader():
    """The reader that the format's page prints."""
    page = (e2e.SOURCE / "docs" / "formats" / "export.md").read_text()
    names = {}
    exec(re.search(r"```python\n(.*?)```", page, re.S).group(1), names)
    return names["Export"]


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def auc(lines, labels):
    """Of predictions, by ranks."""
    ranked = sorted(zip(map(float, lines), labels))
    positives, below, total = 0, 0, 0
    for _, label in ranked:
        total += below if label else 0
        positives += label
        below += not label
    return total / (positives * below)


class Exports(e2e.TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.synth(4000)
        self.unseen = self.synth(1000, seed=2)
        spec = self.folder / "admitted.heter"
        spec.write_text(ADMITTED)
        self.spec = spec
        self.package = self.compile(spec)
        self.model = self.folder / "model"
        e2e.run_tool("heter", "run", self.package, "--data", self.data, "--save", self.model, "--save-every", 8,
                     "--keep-checkpoints", 3, "--increments", 5)

    def export(self, name, *flags, load=None):
        path = self.folder / name
        e2e.run_tool("heter", "export", self.package, "--load", load or self.model, "--out", path, *flags)
        return path

    def predict(self, load, package=None, *flags):
        out = self.folder / "predictions.txt"
        e2e.run_tool("heter", "predict", package or self.package, "--load", load, "--data", self.unseen, "--out", out,
                     *flags)
        return out.read_text().splitlines()

    def saves(self):
        """The older saves that are kept, the newest last."""
        return sorted(self.model.glob("save-*.json"))

    def dumped(self, table):
        """Key -> names and values of a saved table."""
        text = e2e.run_tool("heter", "table", "dump", self.model, table).stdout
        rows = {}
        for line in text.splitlines():
            words, row, name = line.split()[2:], {}, None
            for word in words:
                if re.match(r"[a-z]", word) and word not in ("inf", "nan"):
                    name = word
                    row[name] = []
                else:
                    row[name].append(f32(float(word)))
            rows[int(line.split()[1])] = row
        return rows

    def test_predictions_are_the_same_in_every_mode(self):
        expected = self.predict(self.model)
        exported = self.export("x.export")
        self.assertEqual(self.predict(exported), expected)
        ps = self.compile(self.spec, "ps")
        self.assertEqual(self.predict(exported, ps, "--servers", 3, "--cpu-trainers", 2), expected)

    def test_quantised_predictions_are_near(self):
        exact = self.predict(self.model)
        labels = [line.startswith("1\t") for line in self.unseen.read_text().splitlines()]
        for coding, most in [("f16", 1e-3), ("int8", 5e-3)]:
            got = self.predict(self.export("q.export", "--rows", coding))
            self.assertNotEqual(got, exact)
            apart = max(abs(float(a) - float(b)) for a, b in zip(got, exact))
            self.assertLess(apart, most, coding)
            self.assertLess(abs(auc(got, labels) - auc(exact, labels)), 1e-3, coding)

    def test_a_reader_in_plain_python(self):
        reader = python_reader()
        saved = self.dumped("fm")
        exported = reader(self.export("x.export"))
        self.assertEqual([table["name"] for table in exported.index["tables"]], ["fm"], "no prediction reads `unread`")
        admitted = 0
        for key, row in saved.items():
            got = exported.row("fm", key)
            self.assertEqual(got["weight"], row["weight.value"])
            self.assertEqual(got["vector"], row.get("vector.value"))
            admitted += got["vector"] is not None
        self.assertTrue(0 < admitted < len(saved), admitted)
        self.assertEqual(exported.row("fm", 12345), {"weight": None, "vector": None})
        dump = e2e.run_tool("heter", "dump", self.model).stdout
        for name, values in exported.dense.items():
            lines = re.findall(rf"^{re.escape(name)} average \d+ (.*)$", dump, re.M)
            self.assertEqual([f32(float(word)) for line in lines for word in line.split()], list(values), name)
        coded = reader(self.export("q.export", "--rows", "int8"))
        for key, row in saved.items():
            got = coded.row("fm", key)["vector"]
            if got is not None:
                vector = row["vector.value"]
                step = (max(vector) - min(vector)) / 254 + abs(min(vector)) / 260000 + 1e-7
                self.assertLessEqual(max(abs(a - b) for a, b in zip(got, vector)), step / 2 * 1.0001)
        with self.assertRaisesRegex(ValueError, "damaged"):
            bad = self.folder / "bad.export"
            content = bytearray((self.folder / "x.export").read_bytes())
            content[5000] ^= 1
            bad.write_bytes(content)
            reader(bad)

    def test_deltas(self):
        first, second = self.saves()[-2:]
        serving = self.export("serving.export", load=first)
        one = self.export("1.delta", "--since", first, load=second)
        two = self.export("2.delta", "--since", second)
        full = self.export("full.export")
        self.assertNotEqual(serving.read_bytes(), full.read_bytes())
        at_once = self.folder / "at-once.export"
        e2e.run_tool("heter", "patch", serving, one, two, "--out", at_once)
        self.assertEqual(at_once.read_bytes(), full.read_bytes())
        for delta in (one, two):
            e2e.run_tool("heter", "patch", serving, delta, "--out", serving)
        self.assertEqual(serving.read_bytes(), full.read_bytes())
        self.assertEqual(sorted(path.name for path in self.folder.glob("*.partial")), [])

    def assertRefused(self, parts, *command, limit=None):
        before = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        restrict = limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        result = subprocess.run([str(c) for c in [e2e.BIN / "heter", *command]], capture_output=True, text=True,
                                timeout=120, preexec_fn=restrict)
        self.assertNotEqual(result.returncode, 0, command)
        errors = result.stderr.strip().splitlines()
        self.assertEqual(len([line for line in errors if "error:" in line]), 1, result.stderr)
        for part in parts:
            self.assertIn(str(part), result.stderr)
        after = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        self.assertEqual(after, before, "files changed")

    def test_wrong_input(self):
        exported, delta = self.export("x.export"), self.export("x.delta", "--since", self.saves()[-1])
        other = self.export("other.export", load=self.saves()[0])
        base = self.export("base.export", load=self.saves()[-1])
        out = self.folder / "out"
        out.write_text("old")
        predict = ["--data", self.unseen, "--out", out]
        ctr = self.compile("ctr_dnn")
        refused = self.assertRefused
        refused(["x.export", "does not fit", "`emb`"], "predict", ctr, "--load", exported, *predict)
        refused(["does not fit", "`emb`"], "export", ctr, "--load", self.model, "--out", out)
        refused(["x.delta", "heter patch"], "predict", self.package, "--load", delta, *predict)
        refused(["x.export", "is an export"], "run", self.package, "--load", exported, "--data", self.data)
        refused(["--load", "x.export", "is an export"], "export", self.package, "--load", exported, "--out", out)
        refused(["x.delta", "does not continue it", "other.export"], "patch", other, delta, "--out", out)
        refused(["a whole export"], "patch", exported, other, "--out", out)
        refused(["--out", "is a delta"], "patch", other, delta, "--out", delta)
        refused(["--out", "is a folder"], "export", self.package, "--load", self.model, "--out", self.model)
        refused(["did you mean"], "export", self.package, "--load", self.folder / "modle", "--out", out)
        refused(["--rows", "f32"], "export", self.package, "--load", self.model, "--out", out, "--rows", "f31")
        refused(["x.exprt", "did you mean"], "patch", self.folder / "x.exprt", delta, "--out", out)
        refused(["admitted.heter", "is no export"], "patch", self.spec, delta, "--out", out)
        refused(["No such file"], "export", self.package, "--load", self.model, "--out", self.folder / "no" / "x")
        for at in (3, 30, 5000, base.stat().st_size - 3):
            content = bytearray(base.read_bytes())
            content[at] ^= 4
            (self.folder / "bad.export").write_bytes(content)
            refused(["bad.export"], "predict", self.package, "--load", self.folder / "bad.export", *predict)
            if at != 3:
                refused(["bad.export", "damaged"], "patch", self.folder / "bad.export", delta, "--out", out)
        for length in (0, 10, 700, 5000, base.stat().st_size - 1):
            (self.folder / "short.export").write_bytes(base.read_bytes()[:length])
            refused(["short.export"], "patch", self.folder / "short.export", delta, "--out", out)
        for command in (["export", self.package, "--load", self.model], ["patch", base, delta]):
            refused(["cannot write", "out.partial", "File too large"], *command, "--out", out, limit=100000)

    def test_a_model_that_predicts_nothing(self):
        spec = self.folder / "nothing.heter"
        spec.write_text(ADMITTED.replace("predict sigmoid(logit)\n", ""))
        package = self.compile(spec)
        self.assertRefused(["predicts nothing"], "export", package, "--load", self.model, "--out", self.folder / "y")


if __name__ == "__main__":
    unittest.main()
