"""What the measured programs read: generated data, packages, saved models. Made once and kept in the output folder."""

import subprocess

from measure import machine
from measure.turns import Failed

MODELS = {  # sample: widths, embedding dim
    "ctr_dnn": ([400, 400, 400], 9),
    "ctr_dnn_large": ([4096, 2048, 1024], 9),
}
ZIPF = 1.05


class Inputs:
    def __init__(self, options):
        self.options, self.folder, self.bin = options, options.out, options.bin

    def tool(self, name, *arguments):
        command = [str(self.bin / name), *map(str, arguments)]
        done = subprocess.run(command, env=machine.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise Failed(f"{' '.join(command)}\n{done.stdout}")
        return done.stdout

    def once(self, name, make):
        """The path of that name, made by `make(path)` if it is not there."""
        path = self.folder / name
        if not path.exists():
            make(path)
        return path

    def every_id(self):
        ids = self.options.ids
        return self.once(f"every-id-{ids}.tsv",
                         lambda path: self.tool("heter", "data", "synth", "--ids", ids, "--ids-in-turn", "--out", path))

    def clicks(self, law):
        """Lines whose ids are drawn by a law: "uniform" or "zipf"."""
        ids, lines = self.options.ids, self.options.lines
        flags = ["--zipf", ZIPF] if law == "zipf" else []
        return self.once(f"{law}-{ids}-{lines}.tsv", lambda path: self.tool(
            "heter", "data", "synth", "--ids", ids, *flags, "--examples", lines, "--seed", 3, "--out", path))

    def planted(self, lines, seed):
        return self.once(f"planted-{lines}-{seed}.tsv", lambda path: self.tool(
            "heter", "data", "synth", "--examples", lines, "--seed", seed, "--out", path))

    def package(self, model, precision, mode="local"):
        """Compiled anew each time: the compiler may have changed."""
        path = self.folder / f"{model}-{precision}-{mode}.pkg"
        self.tool("heterc", machine.ROOT / "samples" / f"{model}.heter", "-o", path, "--mode", mode, "--precision", precision)
        return path

    def saved(self, model):
        """A model with every row."""
        return self.once(f"{model}-{self.options.ids}.saved", lambda path: self.tool(
            "heter", "run", self.package(model, "bf16"), "--data", self.every_id(), "--batch-size", 4096, "--save", path))
