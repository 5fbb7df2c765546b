#!/usr/bin/env python3
"""Trains samples in Heter and in PyTorch and prints, as a Markdown table, how far their test AUCs are apart (means over
some seeds) or, for the samples whose data is too little for that, the largest difference of a loss over 20 steps.

    bench/peers/compare_samples.py --data FOLDER [--seeds 0 1 2] [--threads N] [SAMPLE..]

FOLDER holds criteo/raw_first10000.txt (the first 10,000 lines of Criteo's Kaggle set), adult/adult.data (UCI) and
aliccp/ali_ccp_train_sample.csv (100 lines of Ali-CCP). Both sides have the same initial values, batches and order of lines;
one epoch. heterc and heter are those of build/bin, or of HETER_BIN."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

import sample_data
import sample_models
from torch_ctr_dnn import area_under_curve

TREE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HETER_BIN", TREE / "build" / "bin"))


class Data:
    """Where a sample's lines are, which of them train and which test, and the inputs that hold ids."""

    def __init__(self, path, reader, train, test, ids, batch_size=128):
        self.path, self.reader, self.train, self.test, self.ids = path, reader, train, test, ids
        self.batch_size = batch_size


CRITEO = Data("criteo/raw_first10000.txt", sample_data.read_criteo, (1, 8000), (8001, 10000), ["slots"])
CRITEO_SHORT = Data("criteo/raw_first10000.txt", sample_data.read_criteo, (1, 2560), (8001, 10000), ["slots"])
ADULT = Data("adult/adult.data", sample_data.read_adult, (1, 26000), (26001, 32561), ["deep", "wide"])
ALICCP = Data("aliccp/ali_ccp_train_sample.csv", sample_data.read_aliccp, (1, 100), None, ["ids"], batch_size=5)

SAMPLES = {
    "lr": (sample_models.Lr, CRITEO),
    "ctr_dnn": (sample_models.CtrDnn, CRITEO),
    "ctr_dnn_2class": (sample_models.CtrDnn2Class, CRITEO),
    "ctr_dnn_large": (sample_models.CtrDnnLarge, CRITEO_SHORT),
    "deepfm": (sample_models.DeepFm, CRITEO),
    "two_classes": (sample_models.TwoClasses, CRITEO),
    "wide_deep": (sample_models.WideDeep, ADULT),
    "dcn_v2": (sample_models.DcnV2, CRITEO),
    "dlrm": (sample_models.Dlrm, CRITEO),
    "mmoe": (sample_models.Mmoe, ALICCP),
    "esmm": (sample_models.Esmm, ALICCP),
}


def batches(values, size):
    """Dicts of consecutive examples: ids as arrays, everything else as tensors."""
    count = len(next(iter(values.values())))
    for first in range(0, count, size):
        part = {name: array[first:first + size] for name, array in values.items()}
        yield {name: array if array.dtype == np.uint64 else torch.from_numpy(array) for name, array in part.items()}


def train_torch(sample, folder, seed):
    """The losses of one epoch, and the test AUCs by report."""
    model_class, data = SAMPLES[sample]
    path = folder / data.path
    values = data.reader(path, *data.train)
    test = data.reader(path, *data.test) if data.test else None
    keys = {name: np.unique(np.concatenate([part[name].ravel() for part in [values, test] if part])) for name in data.ids}
    torch.manual_seed(seed)
    model = model_class(seed, keys)
    optimizers = model.optimizers()
    losses = []
    for batch in batches(values, data.batch_size):
        loss, _ = model(batch)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        if model.clip:
            torch.nn.utils.clip_grad_norm_(model.dense_parameters, model.clip)
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    if not test:
        return losses, {}
    model.eval()
    scores = {}
    with torch.no_grad():
        for batch in batches(test, data.batch_size):
            for report, pair in model(batch)[1].items():
                scores.setdefault(report, []).append(pair)
    return losses, {report: area_under_curve(*(torch.cat(column).numpy() for column in zip(*pairs)))
                    for report, pairs in scores.items()}


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        sys.exit(f"{' '.join(str(word) for word in command)}\n{result.stdout}{result.stderr}")


def train_heter(sample, package, folder, seed, threads, scratch):
    """The same of Heter."""
    data = SAMPLES[sample][1]
    path = folder / data.path
    command = [BIN / "heter", "run", package, "--data", path, "--lines", "{}:{}".format(*data.train), "--batch-size",
               data.batch_size, "--seed", seed, "--losses", scratch / "losses", "--summary", scratch / "summary.json"]
    if data.test:
        command += ["--test", path, "--test-lines", "{}:{}".format(*data.test)]
    if threads:
        command += ["--threads", threads]
    run(*command)
    losses = [float(line.split()[1]) for line in (scratch / "losses").read_text().splitlines()]
    test = json.loads((scratch / "summary.json").read_text()).get("test") or {}
    return losses, {name: value for name, value in test.items() if name.endswith("auc")}


def compare(sample, options, scratch):
    """Prints the sample's row of the table. Returns whether it is within the limit."""
    package = scratch / f"{sample}.pkg"
    run(BIN / "heterc", TREE / "samples" / f"{sample}.heter", "-o", package)
    aucs, differences = [], []
    for seed in options.seeds:
        heter_losses, heter = train_heter(sample, package, options.data, seed, options.threads, scratch)
        torch_losses, peer = train_torch(sample, options.data, seed)
        if len(heter_losses) != len(torch_losses):
            sys.exit(f"{sample}: {len(heter_losses)} steps in Heter, {len(torch_losses)} in PyTorch")
        differences.append(max(abs(a - b) for a, b in zip(heter_losses[:20], torch_losses[:20])))
        if SAMPLES[sample][1].test:
            aucs.append((heter["auc"], peer["auc"]))
    worst = max(differences)
    if not aucs:
        print(f"| `{sample}` | | | | {worst:.1e} |", flush=True)
        return worst <= 1e-4
    means = [float(np.mean(side)) for side in zip(*aucs)]
    print(f"| `{sample}` | {means[0]:.4f} | {means[1]:.4f} | {means[0] - means[1]:+.4f} | {worst:.1e} |", flush=True)
    print(f"{sample}: " + ", ".join(f"seed {seed}: {a:.4f} {b:.4f}" for seed, (a, b) in zip(options.seeds, aucs)),
          file=sys.stderr, flush=True)
    return abs(means[0] - means[1]) <= 0.005


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", metavar="SAMPLE", help=f"default: all of {', '.join(SAMPLES)}")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, help="of each side (default: one a processor)")
    options = parser.parse_args()
    if unknown := [sample for sample in options.samples if sample not in SAMPLES]:
        parser.error(f"no sample is called {unknown[0]}; there are {', '.join(SAMPLES)}")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.sparse.check_sparse_tensor_invariants.disable()
    print("| sample | AUC of Heter | AUC of PyTorch | difference | losses, 20 steps |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="heter-peers-") as scratch:
        fits = [compare(sample, options, pathlib.Path(scratch)) for sample in options.samples or SAMPLES]
    sys.exit(0 if all(fits) else "a difference is larger than 0.005 (AUC) or, without a test set, 1e-4 (loss)")


if __name__ == "__main__":
    main()
