"""Parts of the runtime beside their peers, by runtime-bench and table-bench; the modes of training; memory; saves."""

import json
import re
import shutil
import subprocess

from measure import machine
from measure.training import cases
from measure.turns import Failed


def program(options, name, *arguments):
    """Runs a measuring program; gives what it wrote to --json."""
    out = options.out / f"{name}.json"
    command = [str(word) for word in (options.bin.parent / "bench" / name, *arguments, "--json", out)]
    try:
        done = subprocess.run(command, env=machine.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise Failed(f"{error}; scripts/build release bench-programs builds it") from error
    if done.returncode:
        raise Failed(f"{' '.join(command)}\n{done.stdout}")
    return json.loads(out.read_text())


def runtime_rows(options, wanted, *arguments):
    for row in program(options, "runtime-bench", *arguments, "--rounds", options.rounds):
        yield {"what": row["name"], "unit": row["unit"], "peer": row["peer"], "heter": row["values"], "peer_values": row["peer_values"],
               "ratios": row["ratios"], **wanted(row)}
        if row["allocations_a_frame"] >= 0:
            yield {"what": f"{row['name']}: allocations a frame", "unit": "", "heter": [row["allocations_a_frame"]], "at_most": 0}


def executor(options, inputs):
    yield from runtime_rows(options, lambda row: {"at_least": 1.0}, "executor", "--threads", options.threads)


def reader(options, inputs):
    """Text, and gzip of the same."""
    yield from runtime_rows(options, lambda row: {"wanted": "300 MB/s"} if row["name"].startswith("reader") else {}, "reader", inputs.package("ctr_dnn", "f32"), inputs.clicks("uniform"))


def modes(options, inputs):
    """Processor time an example where the parameters are a server's, a process a role."""
    for case in cases(options, inputs):
        if case.law != "uniform" or case.precision != "f32" or case.batch != 512:
            continue
        examples = 51200 if case.model == "ctr_dnn" else 10240
        for mode in ("ps", "heter-ps"):
            package, summary = inputs.package(case.model, "f32", mode), options.out / "summary.json"
            cpu = []
            for _ in range(min(options.rounds, 3)):
                inputs.tool("heter", "launch", package, "--data", inputs.planted(102400, 1), "--max-examples", examples, "--batch-size", 512,
                            "--threads", options.threads, "--summary", summary)
                cpu.append(1e6 * json.loads(summary.read_text())["cpu_seconds"] / examples)
            yield {"what": f"{case.model} f32, batch 512, {mode}, a process a role: CPU time an example", "unit": "us", "heter": cpu}


def table(options, inputs):
    """What table-bench finds; docs/benchmarks.md says what its names mean."""
    for name, value in program(options, "table-bench").items():
        yield {"what": f"table: {name}", "unit": "", "heter": [value]}


def memory(options, inputs):
    """What is planned, and what becomes resident."""
    yield from planned_memory(options, inputs)
    yield from resident_memory(options, inputs)


def resident_memory(options, inputs):
    """What training adds to a loaded model's resident memory, over its frames' values and its reader's buffers."""
    for case in cases(options, inputs):
        if case.law != options.laws[0]:
            continue
        summary = options.out / "summary.json"
        inputs.tool("heter", "run", inputs.package(case.model, case.precision), "--data", inputs.clicks(case.law), "--load",
                    inputs.saved(case.model), "--restart-data", "--batch-size", case.batch, "--max-examples", options.warm_up * case.batch,
                    "--threads", options.threads, "--summary", summary)
        use = json.loads(summary.read_text())["memory"]
        grown = use["resident_bytes_at_end"] - use["resident_bytes_at_start"]
        planned = use["frame_bytes"] + use["reader_bytes"]
        yield {"what": f"{case.label}: memory that training adds, over its frames' and its reader's", "unit": "times",
               "heter": [grown / planned], "at_most": 1.25}
        yield {"what": f"{case.label}: the same, versions of dense values and packed copies counted too", "unit": "times",
               "heter": [grown / (planned + use["version_bytes"])]}


def planned_memory(options, inputs):
    """A segment's size over the most that is alive in it at once, as heter inspect says it; the largest of each program."""
    for case in cases(options, inputs):
        if case.law != options.laws[0] or case.batch != options.batches[0]:
            continue
        text = inputs.tool("heter", "inspect", inputs.package(case.model, case.precision))
        ratios = [float(ratio) for ratio in re.findall(r"(?:segment|where products) .* ([0-9.]+) times what is alive at once", text)]
        if not ratios:
            raise Failed("heter inspect does not compare segments with what is alive in them")
        yield {"what": f"{case.model} {case.precision}: a segment over the values alive at once", "unit": "times", "heter": [max(ratios)],
               "at_most": 1.1}


def saves(options, inputs):
    """What saves amid training cost it, and how long they take beside one that is written alone, when training has ended."""
    folder = options.out / "saves-bench.saved"
    for case in cases(options, inputs):
        if case.model != "ctr_dnn" or case.batch != 512 or case.law != "uniform":
            continue
        shutil.rmtree(folder, ignore_errors=True)
        made = json.loads(case.saves(folder, count=min(options.rounds, 7)).splitlines()[-1])  # behind warnings
        shutil.rmtree(folder, ignore_errors=True)
        # Reports come four times a second: a save between two of them has no rate.
        measured, alone = [save for save in made["saves"] if save["before"] and save["amid"]], made["alone_seconds"]
        if not measured or not alone:
            raise Failed(f"{case.label}: no save lasted long enough to be measured: {made}")
        yield {"what": f"{case.label}: training while a save is written", "unit": "examples/s", "heter": [save["amid"] for save in measured],
               "peer": "before", "peer_values": [save["before"] for save in measured],
               "ratios": [save["amid"] / save["before"] for save in measured], "at_least": 0.6}
        yield {"what": f"{case.label}: that save", "unit": "s", "heter": [save["seconds"] for save in measured],
               "peer": "one written alone", "peer_values": [alone], "ratios": [save["seconds"] / alone for save in measured],
               "wanted": "at most 3"}
