"""What the measured peers share: their flags, and the exchange with bench/run. A worker reads its tensors into memory, warms up,
prints a line of JSON about itself, and then answers each line of standard input, a number of seconds, by training for so
long at least and printing {"examples", "seconds", "cpu_seconds"}."""

import argparse
import json
import sys
import time

import click_tensors


def parser(description):
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--data", required=True, help="lines in Criteo's form")
    result.add_argument("--all-ids", required=True, help="lines that hold every id that has a row")
    result.add_argument("--widths", type=int, nargs="+", required=True)
    result.add_argument("--dim", type=int, required=True)
    result.add_argument("--batch-size", type=int, required=True)
    result.add_argument("--threads", type=int, required=True)
    result.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    result.add_argument("--warm-up", nargs=2, type=float, metavar=("STEPS", "SECONDS"), default=(200, 20),
                        help="whichever ends first")
    return result


class Batches:
    """Batches of a size, over and over, each made of what `convert` makes of (dense, ids, labels)."""

    def __init__(self, options, convert):
        dense, ids, labels, self.rows = click_tensors.read(options.data, options.all_ids)
        size = options.batch_size
        self.all = [convert(dense[i:i + size], ids[i:i + size], labels[i:i + size])
                    for i in range(0, len(labels) - size + 1, size)]
        self.at = 0

    def next(self):
        self.at = (self.at + 1) % len(self.all)
        return self.all[self.at]


def serve(options, step, about):
    """`step` trains on one batch."""
    start, steps = time.perf_counter(), 0
    while steps < options.warm_up[0] and (steps < 5 or time.perf_counter() - start < options.warm_up[1]):
        step()
        steps += 1
    print(json.dumps({**about, "steps": steps}), flush=True)
    for line in sys.stdin:
        start, cpu, steps = time.perf_counter(), time.process_time(), 0
        while steps == 0 or time.perf_counter() - start < float(line):
            step()
            steps += 1
        print(json.dumps({"examples": steps * options.batch_size, "seconds": time.perf_counter() - start,
                          "cpu_seconds": time.process_time() - cpu}), flush=True)
