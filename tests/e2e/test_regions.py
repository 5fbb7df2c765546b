"""A model that reports and predicts through nn.if and nn.while compiles and runs in all modes: its reported losses and
its test AUC follow exactly from those of the same model without them."""

import re
import unittest

import e2e

MODEL = e2e.SOURCE / "tests" / "e2e" / "Inputs" / "regions.mlir"
RANDOM_PLACE = e2e.BIN.parent / "tests" / "bin" / "heter-random-place"


def grown(loss, limit=100):
    """What the model reports for a batch's loss."""
    value = loss / 2 if loss > 0.7 else loss * 2
    while value < 8 and limit > 0:
        value, limit = value * 2, limit - 1
    return value


class Regions(e2e.TestCase):
    def package(self, mode, text, *flags, fuse="true"):
        source = self.folder / f"{len(list(self.folder.iterdir()))}.mlir"
        source.write_text(text.replace("MODE", mode).replace("nn.fuse = true", f"nn.fuse = {fuse}"))
        return self.compile(source, None, *flags)

    def run_model(self, package, data, *flags):
        losses, summary, model = self.train(package, data, "--batch-size", 100, "--test", self.synth(1000, seed=2),
                                            *flags, dump=True)
        return [float(loss) for loss in losses], summary["test"]["auc"], model

    def test_regions_compute_what_they_say(self):
        data = self.synth(2000)
        text = MODEL.read_text()
        plain = text.replace("(%grown)", "(%loss)").replace("(%chosen, %click)", "(%p, %click)")
        losses, auc, model = self.run_model(self.package("local", plain), data)
        self.assertTrue(any(loss > 0.7 for loss in losses) and any(loss <= 0.7 for loss in losses), losses)
        expected = [grown(loss) for loss in losses]
        for mode, fuse in [("local", "true"), ("local", "false"), ("ps", "true"), ("heter-ps", "true"),
                           ("heter-ps", "false")]:
            with self.subTest(mode=mode, fuse=fuse):
                actual, same_auc, same_model = self.run_model(self.package(mode, text, fuse=fuse), data)
                for got, wanted in zip(actual, expected, strict=True):
                    self.assertAlmostEqual(got, wanted, delta=1e-5 * wanted)
                self.assertAlmostEqual(same_auc, auc, places=6)
                if (mode, fuse) == ("local", "true"):
                    self.assertEqual(actual, expected)
                    self.assertSameModel(same_model, model, "the model with regions")

        turned = text.replace("compare gt %mean", "compare lt %mean")
        self.assertAlmostEqual(self.run_model(self.package("heter-ps", turned), data)[1], 1 - auc, places=6)
        limited = text.replace("limit(100)", "limit(1)")
        self.assertEqual(self.run_model(self.package("local", limited), data)[0], [grown(loss, 1) for loss in losses])

    def test_random_placements(self):
        data = self.synth(1000)
        expected = self.run_model(self.package("local", MODEL.read_text(), fuse="false"), data)
        ir = self.folder / "ir"
        self.package("heter-ps", MODEL.read_text(), f"--dump-ir={ir}", fuse="false")
        placed = self.folder / "placed.mlir"
        roles = set()
        for seed in range(8):
            e2e.run_tool(RANDOM_PLACE, ir / "05-place.mlir", f"--seed={seed}", "-o", placed)
            roles |= set(re.findall(r"nn\.while.*place = #([a-z_]+)", placed.read_text()))
            self.assertEqual(self.run_model(self.compile(placed, None), data), expected, f"placement {seed}")
        self.assertGreater(len(roles), 1, "the loops should be placed on several roles")

    def test_device_of_its_own_memory(self):
        data = self.synth(2000)
        package = self.package("heter-ps", MODEL.read_text())
        self.assertEqual(self.run_model(package, data, "--device", "heter=separate"), self.run_model(package, data))

    def test_explain_says_that_regions_are_whole(self):
        source = self.folder / "regions.mlir"
        source.write_text(MODEL.read_text().replace("MODE", "heter-ps"))
        report = e2e.run_tool("heterc", source, "-o", self.folder / "p", "--explain").stdout
        self.assertRegex(report, r"(?<!not )marked; whole, with the \d+ ops inside:\n +nn\.if")
        self.assertRegex(report, r"not marked; whole, with the \d+ ops inside:\n +nn\.while")


if __name__ == "__main__":
    unittest.main()
