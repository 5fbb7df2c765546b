#!/usr/bin/env python3
"""samples/ctr_dnn.heter in PyTorch: the same initial values, ids and batches, so that its losses can be held against Heter's
step by step (tests/e2e/compare_losses.py) and its speed beside Heter's. bench/peers/setup-venv makes its environment.

Prints `STEP LOSS` a step, as `heter run --losses` writes them. AUC and speed go to standard error. Unset OPENBLAS_CORETYPE
before timing anything: it slows PyTorch down."""

import argparse
import itertools
import sys
import time

import numpy as np
import torch
import xxhash

DENSE, IDS, DIM = 13, 26, 9
WIDTHS = [400, 400, 400]


def philox4x32(counter, key):
    """Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011) on arrays: counter [4][n], key [2], all uint32."""
    c = [np.asarray(word, dtype=np.uint64) for word in counter]
    k = [int(word) for word in key]
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> shift) ^ c[1] ^ np.uint64(k[0]), b & mask, (a >> shift) ^ c[3] ^ np.uint64(k[1]), a & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def uniform(seed, name, rows, columns, scale):
    """Initial values [rows, columns] in [-scale, scale), a pure function of (seed, name, row, column)."""
    key = seed ^ xxhash.xxh64_intdigest(name.encode(), seed=0)
    rows = np.asarray(rows, dtype=np.uint64)[:, None]
    quarters = np.arange((columns + 3) // 4, dtype=np.uint64)[None, :]
    zeros = np.zeros((rows.shape[0], quarters.shape[1]), dtype=np.uint64)
    low, high = np.uint64(0xFFFFFFFF), np.uint64(32)
    words = philox4x32([(rows & low) + zeros, (rows >> high) + zeros, (quarters & low) + zeros, (quarters >> high) + zeros],
                       [key & 0xFFFFFFFF, key >> 32])
    words = np.stack(words, axis=-1).reshape(rows.shape[0], -1)[:, :columns]
    unit = (words >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)
    return (np.float32(2) * unit - np.float32(1)) * np.float32(scale)


def read_lines(files, first, last):
    """Labels [n], dense values [n, 13] and ids [n, 26] of lines first..last, counted over the files in order."""
    salts = [xxhash.xxh64_intdigest(f"col[{column}]".encode(), seed=0) for column in range(1 + DENSE, 1 + DENSE + IDS)]
    lines = itertools.chain.from_iterable(open(file, encoding="utf-8") for file in files)
    labels, dense, ids = [], [], []
    for line in itertools.islice(lines, first - 1, last):
        columns = line.rstrip("\n").split("\t")
        labels.append(float(columns[0]))
        dense.append([max(float(text), 0.0) if text else 0.0 for text in columns[1:1 + DENSE]])
        ids.append([xxhash.xxh64_intdigest(text.encode(), seed=salt) for text, salt in zip(columns[1 + DENSE:], salts)])
    return (np.array(labels, dtype=np.float32), np.log1p(np.array(dense)).astype(np.float32),
            np.array(ids, dtype=np.uint64))


class CtrDnn(torch.nn.Module):
    def __init__(self, seed, keys):
        super().__init__()
        self.embedding = torch.nn.Embedding(len(keys), DIM, sparse=True)
        self.embedding.weight.data = torch.from_numpy(uniform(seed, "emb", keys, DIM, 0.01))
        self.layers = torch.nn.ModuleList()
        names = [f"deep.{i}" for i in range(len(WIDTHS))] + ["logit"]
        inputs = DENSE + IDS * DIM
        for name, outputs in zip(names, WIDTHS + [1]):
            layer = torch.nn.Linear(inputs, outputs)
            scale = 1 / np.sqrt(inputs)
            weight = uniform(seed, f"{name}.weight", [0], inputs * outputs, scale).reshape(inputs, outputs)
            layer.weight.data = torch.from_numpy(weight.T.copy())
            layer.bias.data = torch.from_numpy(uniform(seed, f"{name}.bias", [0], outputs, scale)[0])
            self.layers.append(layer)
            inputs = outputs

    def forward(self, dense, ids):
        x = torch.cat([dense, self.embedding(ids).flatten(1)], dim=1)
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)[:, 0]


def area_under_curve(scores, labels):
    """Exact, ties counted half."""
    values, inverse = np.unique(scores, return_inverse=True)
    positives = np.bincount(inverse, weights=labels, minlength=len(values))
    negatives = np.bincount(inverse, weights=1 - labels, minlength=len(values))
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))


def span(text):
    first, last = text.split(":")
    return int(first), int(last)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--lines", type=span, default=(1, None))
    parser.add_argument("--test-lines", type=span)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    return parser.parse_args()


def train(model, options, labels, dense, ids):
    """Returns the losses and the seconds of all steps but the first, which loads half of PyTorch."""
    sparse_optimizer = torch.optim.Adagrad(model.embedding.parameters(), lr=0.05, eps=1e-10)
    dense_optimizer = torch.optim.Adam(model.layers.parameters(), lr=1e-3, eps=1e-8)
    losses, start = [], None
    for _ in range(options.epochs):
        for first in range(0, len(labels), options.batch_size):
            if len(losses) == options.steps:
                return losses, time.monotonic() - start
            batch = slice(first, first + options.batch_size)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(dense[batch], ids[batch]), labels[batch])
            sparse_optimizer.zero_grad()
            dense_optimizer.zero_grad()
            loss.backward()
            sparse_optimizer.step()
            dense_optimizer.step()
            losses.append(loss.item())
            start = start or time.monotonic()
    return losses, time.monotonic() - start


def main():
    options = parse_options()
    torch.sparse.check_sparse_tensor_invariants.disable()
    if options.threads:
        torch.set_num_threads(options.threads)
    labels, dense, ids = read_lines(options.data, *options.lines)
    test = read_lines(options.data, *options.test_lines) if options.test_lines else None
    keys = np.unique(np.concatenate([ids.ravel(), test[2].ravel()]) if test else ids)

    def tensors(labels, dense, ids):
        return (torch.from_numpy(labels), torch.from_numpy(dense),
                torch.from_numpy(np.searchsorted(keys, ids).astype(np.int64)))

    model = CtrDnn(options.seed, keys)
    losses, seconds = train(model, options, *tensors(labels, dense, ids))
    for step, loss in enumerate(losses):
        print(f"{step} {loss:.9g}")
    examples = min(len(losses) * options.batch_size, len(labels) * options.epochs) - options.batch_size
    print(f"PyTorch {torch.__version__}: {len(losses)} steps, {examples / seconds:.0f} examples/s", file=sys.stderr)
    if test:
        with torch.no_grad():
            _, test_dense, test_ids = tensors(*test)
            print(f"test AUC {area_under_curve(model(test_dense, test_ids).numpy(), test[0]):.6f}", file=sys.stderr)


if __name__ == "__main__":
    main()
