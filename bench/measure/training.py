"""Training speed: Heter from a text file, beside PyTorch and Paddle fed from memory and beside bench/bound; and how it grows from
one core to two."""

import json
import sys

from measure import turns
from measure.inputs import MODELS
from measure.machine import ROOT
from measure.spread import median
from measure.turns import Contender, Failed, SelfStopping, end_all, pinned

TORCH = [("embedding", False), ("bag", False), ("fbgemm", False), ("embedding", True), ("bag", True), ("fbgemm", True)]
PADDLE = [False, True]
WANTED = {  # at least, by model and precision
    "PyTorch": {("ctr_dnn", "f32"): 1.5, ("ctr_dnn", "bf16"): 2.0, ("ctr_dnn_large", "f32"): 1.2, ("ctr_dnn_large", "bf16"): 1.4},
    "Paddle": {("ctr_dnn", "f32"): 3.0, ("ctr_dnn", "bf16"): 3.0, ("ctr_dnn_large", "f32"): 1.5, ("ctr_dnn_large", "bf16"): 1.5},
}
WANTED_OF_BOUND = {("f32", 512): 0.8, ("f32", 2048): 0.8, ("bf16", 512): 0.65, ("bf16", 2048): 0.75}


class Case:
    """One model, precision, batch size and law of ids."""

    def __init__(self, options, inputs, model, precision, batch, law):
        self.options, self.inputs = options, inputs
        self.model, self.precision, self.batch, self.law = model, precision, batch, law
        self.label = f"{model} {precision}, batch {batch}, {law}"

    def log(self, name):
        return self.options.out / f"log-{name}.txt".replace(" ", "-")

    def heter(self, name="Heter", threads=None, core=None):
        options = self.options
        command = [options.bin.parent / "bench/training-bench", options.warm_up, options.warm_up_seconds, options.seconds,
                   self.inputs.package(self.model, self.precision), "--data", self.inputs.clicks(self.law), "--epochs", 1000000,
                   "--load", self.inputs.saved(self.model), "--restart-data", "--batch-size", self.batch,
                   "--threads", threads or options.threads]
        return SelfStopping(name, pinned(core, command), self.log(name))

    def saves(self, folder, count):
        """What saves-bench prints of so many saves amid training."""
        every, options = 800, self.options
        name = str(options.bin.parent / "bench/saves-bench")
        return self.inputs.tool(name, self.inputs.package(self.model, self.precision), "--data", self.inputs.clicks(self.law), "--epochs", 1000000,
                                "--load", self.inputs.saved(self.model), "--restart-data", "--batch-size", self.batch,
                                "--threads", options.threads, "--save", folder, "--save-every", every, "--max-examples",
                                (count + 1) * every * self.batch)

    def bound(self):
        options = self.options
        command = [options.bin.parent / "bench/bound-bench", self.inputs.package(self.model, "bf16"), self.inputs.clicks(self.law),
                   self.inputs.every_id(), "--widths", ",".join(map(str, MODELS[self.model][0])), "--precision", self.precision,
                   "--batch-size", self.batch, "--threads", options.threads, "--warm-up", options.warm_up_seconds]
        # Huge pages, as Heter's own memory has them.
        return Contender("bound", command, self.log("bound"), {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})

    def peer(self, name, python, script, flags):
        widths, dim = MODELS[self.model]
        options = self.options
        command = [python, ROOT / "bench/peers" / script, "--data", self.inputs.clicks(self.law), "--all-ids", self.inputs.every_id(),
                   "--widths", *widths, "--dim", dim, "--batch-size", self.batch, "--threads", options.threads,
                   "--precision", self.precision, "--warm-up", options.warm_up, options.warm_up_seconds, *flags]
        return Contender(name, command, self.log(name))

    def torch(self, table, compiled):
        python = self.options.fbgemm_python if table == "fbgemm" else self.options.torch_python
        return self.peer("PyTorch", python, "torch_speed.py", ["--table", table, *(["--compile"] if compiled else [])])

    def paddle(self, static):
        return self.peer("Paddle", self.options.paddle_python, "paddle_speed.py", ["--static"] if static else [])


def configuration_name(peer, configuration):
    if peer == "Paddle":
        return "static graph" if configuration else "eager"
    table, compiled = configuration
    return f"{table}, {'compiled' if compiled else 'eager'}"


def start_peer(case, peer, configuration):
    return case.torch(*configuration) if peer == "PyTorch" else case.paddle(configuration)


def best_configuration(case, peer):
    """The fastest of a peer's configurations on this case, found in a short trial and kept in best-peers.json; None if none runs."""
    kept = case.options.out / "best-peers.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    key = f"{peer} {case.model} {case.precision} {case.batch}"
    if key not in known or case.options.trial:
        speeds = {}
        for configuration in TORCH if peer == "PyTorch" else PADDLE:
            try:
                contender = start_peer(case, peer, configuration)
            except Failed as failure:
                print(f"bench: {configuration_name(peer, configuration)}: {failure}", file=sys.stderr)
                continue
            try:
                speeds[configuration_name(peer, configuration)] = median(
                    [turns.rate(contender.turn(case.options.seconds)) for _ in range(3)])
            finally:
                contender.end()
        known[key] = speeds
        kept.write_text(json.dumps(known, indent=1) + "\n")
        print(f"{key}: {speeds}", file=sys.stderr, flush=True)
    speeds = known[key]
    if not speeds:
        return None
    best = max(speeds, key=speeds.get)
    return next(c for c in (TORCH if peer == "PyTorch" else PADDLE) if configuration_name(peer, c) == best)


def rows_of(case, rounds, about):
    """A row for each of the others."""
    result = []
    for name in rounds[0]["rates"]:
        if name == "Heter":
            continue
        wanted = WANTED_OF_BOUND.get((case.precision, case.batch)) if name == "bound" else WANTED[name][case.model, case.precision]
        result.append({"what": f"{case.label}: training", "unit": "examples/s", "peer": about[name],
                       "heter": [r["rates"]["Heter"] for r in rounds], "peer_values": [r["rates"][name] for r in rounds],
                       "ratios": [r["rates"]["Heter"] / r["rates"][name] for r in rounds], "at_least": wanted,
                       "cpu_us": {who: [r["cpu"][who] for r in rounds] for who in ("Heter", name)},
                       "others": [r["others"] for r in rounds], "calibration": [r["calibration"] for r in rounds]})
    return result


def cases(options, inputs):
    for law in options.laws:
        for model in options.models:
            for precision in options.precisions:
                for batch in options.batches:
                    yield Case(options, inputs, model, precision, batch, law)


def training(options, inputs):
    for case in cases(options, inputs):
        configurations = {peer: best_configuration(case, peer) for peer in ("PyTorch", "Paddle") if peer in options.against}
        contenders, about = [], {"bound": "bound"}
        try:
            contenders.append(case.heter())
            if "bound" in options.against:
                contenders.append(case.bound())
            for peer, configuration in configurations.items():
                if configuration is not None:
                    contenders.append(start_peer(case, peer, configuration))
                    about[peer] = f"{contenders[-1].about['version']}, {configuration_name(peer, configuration)}"
            rounds = turns.rounds_of(contenders, options.rounds, options.seconds, case.label)
        finally:
            end_all(contenders)
        yield from rows_of(case, rounds, about)


def scaling(options, inputs):
    """Throughput of two threads over the sum of one thread pinned to either core, each alone."""
    for case in cases(options, inputs):
        contenders = []
        try:
            contenders = [case.heter(), case.heter("core 0", 1, 0), case.heter("core 1", 1, 1)]
            rounds = turns.rounds_of(contenders, options.rounds, options.seconds, case.label + ", two cores")
        finally:
            end_all(contenders)
        single = [r["rates"]["core 0"] + r["rates"]["core 1"] for r in rounds]
        both = [r["rates"]["Heter"] for r in rounds]
        yield {"what": f"{case.label}: two cores", "unit": "examples/s", "peer": "pinned to core 0 + to core 1", "heter": both,
               "peer_values": single, "ratios": [a / b for a, b in zip(both, single)], "at_least": 0.85,
               "others": [r["others"] for r in rounds], "calibration": [r["calibration"] for r in rounds]}
