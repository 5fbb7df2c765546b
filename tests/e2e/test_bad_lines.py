"""--max-bad-lines: training on a file with malformed lines equals training without them, for any number of trainers;
each is reported once, and one too many ends the run with its place."""

import unittest

import e2e

BAD = {100: "x\t1\t2\n", 250: "0\t1\n", 251: "\t1\t2,5\n", 899: "1\n"}


class BadLines(e2e.TestCase):
    def setUp(self):
        super().setUp()
        good = self.synth(900).read_text().splitlines(keepends=True)
        self.bad, self.rest = self.folder / "bad.tsv", self.folder / "rest.tsv"
        self.bad.write_text("".join(BAD.get(i, line) for i, line in enumerate(good)))
        self.rest.write_text("".join(line for i, line in enumerate(good) if i not in BAD))
        self.flags = ["--batch-size", 40, "--micro-batches", 3, "--epochs", 2]

    def reports(self, text):
        return sorted(line for line in text.splitlines() if "passed over a malformed line" in line)

    def test_as_if_they_were_not_there(self):
        package = self.compile("lr", "ps")
        expected, _, model = self.train(package, self.rest, *self.flags, dump=True)
        for trainers in (1, 2, 3):
            flags = [*self.flags, "--max-bad-lines", len(BAD), "--cpu-trainers", trainers]
            losses, summary, dumped = self.train(package, self.bad, *flags, dump=True)
            self.assertEqual(losses, expected, f"{trainers} trainers")
            self.assertEqual(summary["bad_lines"], len(BAD))
            self.assertSameModel(dumped, model, f"{trainers} trainers")
            reports = self.reports(e2e.run_tool("heter", "run", package, "--data", self.bad, *flags).stderr)
            self.assertEqual(len(reports), len(BAD), reports)
            for line, report in zip((101, 251, 252, 900), reports):
                self.assertIn(f"{self.bad}:{line}:1: ", report)

    def test_processes(self):
        package = self.compile("lr", "ps")
        expected, _, _ = self.train(package, self.rest, *self.flags)
        logs = self.folder / "logs"
        losses = self.folder / "losses"
        result = e2e.run_tool("heter", "launch", package, "--data", self.bad, *self.flags, "--max-bad-lines", len(BAD),
                              "--cpu-trainers", 2, "--run-folder", logs, "--losses", losses, "--lines", "1:999")
        self.assertEqual([line.split()[1] for line in losses.read_text().splitlines()], expected)
        self.assertIn("4 malformed lines passed over\n", result.stdout)
        reports = self.reports("".join(path.read_text() for path in logs.glob("*.log")))
        self.assertEqual(len(reports), len(BAD), reports)
        self.assertEqual(self.reports(result.stderr), reports)
        self.assertIn(f"cpu-trainer 0: warning: {self.bad} ends at line 900: of the 999 lines 1:999 only 900 exist\n",
                      result.stderr)

    def test_one_too_many(self):
        package = self.compile("lr", "local")
        result = e2e.run_tool("heter", "run", package, "--data", self.bad, "--max-bad-lines", 2, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{self.bad}:252:1: expected at least 40 columns separated by tabs, got 3; 2 malformed lines were "
                      "passed over before it, as many as --max-bad-lines allows", result.stderr)
        result = e2e.run_tool("heter", "run", package, "--data", self.bad, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{self.bad}:101:1: expected at least 40 columns separated by tabs, got 3\n", result.stderr)


if __name__ == "__main__":
    unittest.main()
