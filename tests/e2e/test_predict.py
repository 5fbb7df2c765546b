"""heter predict on real clicks: from a saved model, with and without labels in the lines, in every mode and with any batch
size the same bytes; the AUC of the file is the test pass's; the numbers are those of a trainer in double precision."""

import gzip
import hashlib
import os
import pathlib
import unittest

import e2e

DATA = e2e.real_criteo("e2e.predict")
UNLABELLED = DATA.parent / "raw_test_unlabelled.txt.gz"
REFERENCE = os.environ.get("HETER_REFERENCE", "")
TRAIN = ["--lines", "1:2560", "--batch-size", 128]
HELD_OUT = (8001, 10000)


def area_under_curve(predictions, labels):
    """By ranks; ties count half."""
    order = sorted(range(len(labels)), key=lambda i: predictions[i])
    wins = negatives = first = 0
    while first < len(order):
        end = first
        while end < len(order) and predictions[order[end]] == predictions[order[first]]:
            end += 1
        positives = sum(labels[i] for i in order[first:end])
        wins += positives * (2 * negatives + end - first - positives)
        negatives += end - first - positives
        first = end
    return wins / 2 / (negatives * (len(labels) - negatives))


class Predict(e2e.TestCase):
    def setUp(self):
        super().setUp()
        self.package = self.compile("ctr_dnn", "local")
        self.model = self.folder / "model"
        self.summary = self.train(self.package, DATA, *TRAIN, "--save", self.model, "--test", DATA, "--test-lines",
                                  "%d:%d" % HELD_OUT)[1]

    def predict(self, package, data, *flags, out=None):
        out = out or self.folder / f"predictions-{len(list(self.folder.iterdir()))}"
        result = e2e.run_tool("heter", "predict", package, "--load", self.model, "--data", data, "--out", out, *flags)
        return out.read_text(), result

    def error(self, *arguments):
        result = e2e.run_tool("heter", "predict", *arguments, check=False)
        self.assertNotEqual(result.returncode, 0)
        return result.stderr.strip().splitlines()[-1]

    def saved(self):
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in self.model.iterdir()}

    def held_out(self):
        return DATA.read_text().splitlines()[HELD_OUT[0] - 1:HELD_OUT[1]]

    def write(self, name, lines):
        path = self.folder / name
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def test_numbers(self):
        before = self.saved()
        text, result = self.predict(self.package, DATA, "--lines", "%d:%d" % HELD_OUT)
        predictions = [float(line) for line in text.splitlines()]
        self.assertEqual(len(predictions), 2000)
        self.assertIn("predicted 2,000 examples", result.stdout)
        labels = [int(line[0]) for line in self.held_out()]
        self.assertAlmostEqual(area_under_curve(predictions, labels), self.summary["test"]["auc"], delta=1e-12)
        reference = e2e.run_tool(REFERENCE, "--data", DATA, *TRAIN, "--predict-lines", "%d:%d" % HELD_OUT).stdout
        worst = max(abs(a - float(b)) for a, b in zip(predictions, reference.splitlines(), strict=True))
        print(f"test AUC {self.summary['test']['auc']:.6f}; farthest from double precision: {worst:.2e}")
        self.assertLess(worst, 1e-5)
        self.assertEqual(self.saved(), before, "predicting changed the saved model")

    def test_any_run_gives_the_same_bytes(self):
        expected, _ = self.predict(self.package, DATA, "--lines", "8001:9000")
        for size, threads in [(1, 2), (77, 1), (512, 4), (1000, 2)]:
            text, _ = self.predict(self.package, DATA, "--lines", "8001:9000", "--batch-size", size, "--threads", threads)
            self.assertEqual(text, expected, f"batches of {size}, {threads} threads")
        for mode in ["ps", "heter-ps"]:
            text, _ = self.predict(self.compile("ctr_dnn", mode), DATA, "--lines", "8001:9000", "--batch-size", 50,
                                   "--servers", 2, "--cpu-trainers", 2, "--heter-trainers", 2, "--poison-freed")
            self.assertEqual(text, expected, mode)

    def test_lines_without_labels(self):
        lines = self.held_out()
        expected, _ = self.predict(self.package, self.write("labelled", lines))
        bare = [line.split("\t", 1)[1] for line in lines]
        self.assertEqual(self.predict(self.package, self.write("bare", bare))[0], expected)
        self.assertEqual(self.predict(self.package, self.write("empty", ["\t" + line for line in bare]))[0], expected)
        wide = self.write("wide", [line + "\tmore" for line in bare])
        self.assertEqual(self.predict(self.package, wide, "--labels", "absent")[0], expected)
        packed = self.folder / "bare.gz"
        packed.write_bytes(gzip.compress((self.folder / "bare").read_bytes()))
        printed = e2e.run_tool("heter", "predict", self.package, "--load", self.model, "--data", packed, "--out", "-")
        self.assertEqual(printed.stdout, expected)
        self.assertIn("predicted 2,000 examples", printed.stderr)
        some, _ = self.predict(self.package, packed, "--max-examples", 10)
        self.assertEqual(some, "".join(expected.splitlines(keepends=True)[:10]))

    @unittest.skipUnless(UNLABELLED.exists(), "no raw_test_unlabelled.txt.gz among the data")
    def test_a_test_set_without_labels(self):
        with gzip.open(UNLABELLED, "rt") as file:
            count = sum(1 for _ in file)
        text, _ = self.predict(self.package, UNLABELLED)
        self.assertEqual(len(text.splitlines()), count)
        self.assertTrue(all(0 < float(line) < 1 for line in text.splitlines()))

    def test_failures_say_what_to_do(self):
        out = self.write("out", ["what was here before"])
        usual = [self.package, "--load", self.model, "--data", DATA, "--out", out]
        self.assertIn("--load DIR|FILE is missing", e2e.run_tool("heter", "predict", self.package, "--data", DATA, "--out", out,
                                                        check=False).stderr)
        self.assertIn("No space left on device", self.error(*usual[:-1], "/dev/full"))
        self.assertIn("cannot create", self.error(*usual[:-1], self.folder / "none" / "out"))
        self.assertIn("holds examples", self.error(*usual[:-1], DATA))
        self.assertIn("plain text", self.error(*usual[:-1], self.folder / "out.gz"))
        lines = self.held_out()
        mixed = self.write("mixed", [lines[0].split("\t", 1)[1], lines[1]])
        self.assertIn("mixed:2:1: expected 39 columns", self.error(*usual[:3], "--data", mixed, "--out", out))
        other = self.compile("deepfm", "local")
        self.assertIn("model", self.error(other, *usual[1:]))
        silent = self.folder / "silent.heter"
        source = (e2e.SOURCE / "samples" / "ctr_dnn.heter").read_text()
        silent.write_text(source.replace("predict sigmoid(logit)", ""))
        self.assertIn("predicts nothing: add a line such as `predict sigmoid(logit)`",
                      self.error(self.compile(silent, "local"), *usual[1:]))
        self.assertEqual(out.read_text(), "what was here before\n")
        self.assertEqual(list(self.folder.glob("*.partial")), [])

    def test_several_values(self):
        spec = self.folder / "two.heter"
        source = (e2e.SOURCE / "samples" / "ctr_dnn.heter").read_text()
        spec.write_text(source.replace("predict sigmoid(logit)", "p = sigmoid(logit)\npredict p, dense"))
        plain, _ = self.predict(self.package, DATA, "--lines", "1:50")
        expected = None
        for mode in ["local", "heter-ps"]:
            text, _ = self.predict(self.compile(spec, mode), DATA, "--lines", "1:50")
            header, *rows = text.splitlines()
            self.assertEqual(header.split("\t"), ["p"] + [f"dense.{i}" for i in range(13)])
            self.assertEqual([row.split("\t")[0] for row in rows], plain.splitlines())
            self.assertEqual(expected or text, text)
            expected = text


if __name__ == "__main__":
    unittest.main()
