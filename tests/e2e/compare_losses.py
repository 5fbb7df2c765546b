#!/usr/bin/env python3
"""Compares two files of `STEP LOSS` lines: compare_losses.py A B [--tolerance T] [--steps N]. Prints the largest difference
and its step; exits 1 if it is above the tolerance or the files have not equally many lines."""

import argparse
import sys


def read_losses(path):
    return [float(line.split()[-1]) for line in open(path)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--steps", type=int, help="compare only the first so many")
    options = parser.parse_args()
    a, b = (read_losses(path)[: options.steps] for path in (options.a, options.b))
    if len(a) != len(b) or not a:
        print(f"{options.a} has {len(a)} losses, {options.b} has {len(b)}")
        return 1
    worst, step = max((abs(x - y), i) for i, (x, y) in enumerate(zip(a, b)))
    print(f"{len(a)} steps, largest difference {worst:.3g} at step {step} ({a[step]:.9g} and {b[step]:.9g})")
    return 0 if worst <= options.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
