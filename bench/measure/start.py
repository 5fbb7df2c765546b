"""How long the tools take to begin: heterc on samples, and heter up to the first batch."""

import time

from measure.machine import ROOT


def times(rounds, run):
    """Of `rounds` calls after a first one, which brings files into memory."""
    result = []
    for number in range(rounds + 1):
        start = time.perf_counter()
        run()
        if number:
            result.append(time.perf_counter() - start)
    return result


def start(options, inputs):
    package = options.out / "start.pkg"

    def compile_(sample, *flags):
        return times(options.rounds, lambda: inputs.tool("heterc", sample, "-o", package, *flags))

    samples = sorted((ROOT / "samples").glob("*.heter"))
    for mode in ("local", "heter-ps"):
        yield {"what": f"heterc on ctr_dnn, --mode={mode}", "unit": "s", "heter": compile_(ROOT / "samples/ctr_dnn.heter", f"--mode={mode}"),
               "at_most": 0.5}
    once = {}
    for sample in samples:
        begin = time.perf_counter()
        inputs.tool("heterc", sample, "-o", package)
        once[sample] = time.perf_counter() - begin
    slowest = max(once, key=once.get)
    for precision in ("f32", "bf16"):
        yield {"what": f"heterc on the slowest sample ({slowest.stem}), {precision}", "unit": "s",
               "heter": compile_(slowest, "--precision", precision), "at_most": 2}
    data = inputs.planted(1000, 1)
    for precision in ("f32", "bf16"):
        ready = inputs.package("ctr_dnn", precision)
        yield {"what": f"heter run of one batch of ctr_dnn, {precision}, from start to exit", "unit": "s", "at_most": 0.2,
               "heter": times(options.rounds, lambda: inputs.tool("heter", "run", ready, "--data", data, "--batch-size", 512,
                                                                  "--max-examples", 512, "--threads", options.threads))}
