"""The memory plan of every sample in every mode and precision is as small as what it holds, within a tenth; and no value is
read after another took its place: with every buffer overwritten by NaN as soon as its last reader has ended, and all of
them before each frame, the losses are the same, bit for bit."""

import json
import os
import pathlib
import re
import unittest

import e2e

MODES = ["local", "ps", "heter-ps"]
REAL = {"wide_deep": "adult/adult.data", "esmm": "aliccp/ali_ccp_train_sample.csv",
        "mmoe": "aliccp/ali_ccp_train_sample.csv"}
SAMPLES = sorted(path.stem for path in (e2e.SOURCE / "samples").glob("*.heter"))
SEGMENT = re.compile(r"(?:segment \d+ \w+|where products update parameters): (\d+) bytes.*?, ([0-9.]+) times what is alive at once at most")


def runs_in(sample, mode):
    """lr marks nothing for heter-trainers."""
    return not (sample == "lr" and mode == "heter-ps")


class Memory(e2e.TestCase):
    def data(self, sample):
        if sample not in REAL:
            return self.synth(700)
        path = pathlib.Path(os.environ.get("HETER_TEST_DATA", "")) / REAL[sample]
        return path if os.environ.get("HETER_TEST_DATA") and path.exists() else None

    def test_segments_are_as_small_as_what_they_hold(self):
        for sample in SAMPLES:
            for mode in filter(lambda mode: runs_in(sample, mode), MODES):
                for precision in ["f32", "bf16"]:
                    package = self.compile(sample, mode, f"--precision={precision}")
                    segments = SEGMENT.findall(e2e.run_tool("heter", "inspect", package).stdout)
                    self.assertGreater(len(segments), 2, f"{sample}, {mode}")
                    for size, ratio in segments:
                        self.assertLessEqual(float(ratio), 1.10, f"{sample}, {mode}, {precision}: {size} bytes")
                        self.assertGreaterEqual(float(ratio), 1.0, f"{sample}, {mode}, {precision}: {size} bytes")

    def test_training_adds_little_more_than_its_frames_and_its_reader_take(self):
        data = self.synth(20000)
        for precision in ["f32", "bf16"]:
            package = self.compile("ctr_dnn", "local", f"--precision={precision}")
            summary, model = self.folder / "summary.json", self.folder / f"model-{precision}"
            e2e.run_tool("heter", "run", package, "--data", data, "--save", model)
            e2e.run_tool("heter", "run", package, "--data", data, "--load", model, "--restart-data", "--batch-size", 4096,
                         "--threads", 2, "--epochs", 3, "--summary", summary)
            memory = json.loads(summary.read_text())["memory"]
            own = memory["frame_bytes"] + memory["reader_bytes"] + memory["version_bytes"]
            self.assertGreater(memory["frame_bytes"], 50e6)
            grown = memory["resident_bytes_at_end"] - memory["resident_bytes_at_start"]
            self.assertLess(grown, 1.25 * own, f"{precision}: {memory}")
            self.assertGreater(grown, 0.5 * own, f"{precision}: {memory}")

    def test_nothing_is_read_after_another_took_its_place(self):
        skipped = []
        for sample in SAMPLES:
            data = self.data(sample)
            if not data:
                skipped.append(sample)
                continue
            for mode, precision in [("local", "bf16"), ("heter-ps", "f32"), ("ps", "f32")]:
                if not runs_in(sample, mode):
                    continue
                package = self.compile(sample, mode, f"--precision={precision}")
                flags = ["--batch-size", 100, "--max-examples", 600, "--threads", 4]
                expected = self.train(package, data, *flags)[0]
                self.assertFalse([loss for loss in expected if loss == "nan"], sample)
                self.assertEqual(self.train(package, data, *flags, "--poison-freed")[0], expected,
                                 f"{sample}, {mode}, {precision}")
        if skipped:
            self.skipTest(f"{', '.join(skipped)} want their real data; set HETER_TEST_DATA to its folder")


if __name__ == "__main__":
    unittest.main()
