#!/usr/bin/env python3
"""A click model of samples/ in PyTorch, trained on request: bench/run's opponent. It reads the text file once, gives each
distinct (column, text) a dense index, keeps everything in memory as tensors and warms up; then every line on standard input, a
number of examples, trains on so many (over the data again and again) and is answered by one line of JSON with the seconds and
the processor seconds that took.

    torch_speed.py --data FILE --widths 400 400 400 --dim 9 --batch-size 512 --threads 2 --sparse embedding --adam fused

What may differ between configurations is how PyTorch is asked, never the model: 13 dense values, 26 ids, Adagrad on the table
(sparse gradients: only the rows of the batch are touched), Adam on the rest."""

import argparse
import json
import pathlib
import sys
import time

import torch

DENSE, IDS = 13, 26


def read(path):
    """Dense values [n, 13], indices [n, 26] and labels [n] of all lines, and the number of distinct ids. Kept beside the file,
    for reading takes longer than many a measurement."""
    kept = pathlib.Path(f"{path}.tensors")
    if not kept.exists() or kept.stat().st_mtime < pathlib.Path(path).stat().st_mtime:
        torch.save(parse(path), kept)
    return torch.load(kept)


def parse(path):
    labels, dense, ids, places = [], [], [], [{} for _ in range(IDS)]
    count = 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            columns = line.rstrip("\n").split("\t")
            labels.append(float(columns[0]))
            dense.append([float(text) if text else 0.0 for text in columns[1:1 + DENSE]])
            row = []
            for place, text in zip(places, columns[1 + DENSE:]):
                index = place.setdefault(text, count)
                count += index == count
                row.append(index)
            ids.append(row)
    return torch.log1p(torch.tensor(dense).clamp(min=0)), torch.tensor(ids), torch.tensor(labels), count


class ClickModel(torch.nn.Module):
    def __init__(self, rows, dim, widths, bag):
        super().__init__()
        table = torch.nn.EmbeddingBag(rows, dim, mode="sum", sparse=True) if bag else torch.nn.Embedding(rows, dim, sparse=True)
        torch.nn.init.uniform_(table.weight, -0.01, 0.01)
        self.table, self.bag = table, bag
        sizes = [DENSE + IDS * dim, *widths, 1]
        self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, dense, ids):
        rows = self.table(ids.view(-1, 1)).view(len(ids), -1) if self.bag else self.table(ids).flatten(1)
        x = torch.cat([dense, rows], dim=1)
        for layer in self.layers[:-1]:
            x = torch.relu_(layer(x))
        return self.layers[-1](x)[:, 0]


class Trainer:
    def __init__(self, options):
        dense, ids, labels, rows = read(options.data)
        size = options.batch_size
        self.batches = [tuple(t[i:i + size].contiguous() for t in (dense, ids, labels))
                        for i in range(0, len(labels) - size + 1, size)]
        self.size, self.next = size, 0
        self.model = ClickModel(rows, options.dim, options.widths, options.sparse == "bag")
        self.sparse = torch.optim.Adagrad(self.model.table.parameters(), lr=0.05)
        how = {} if options.adam == "loop" else {options.adam: True}
        self.dense = torch.optim.Adam(self.model.layers.parameters(), lr=1e-3, **how)
        self.rows, self.autocast = rows, options.precision == "bf16"

    def train(self, examples):
        for _ in range(examples // self.size):
            dense, ids, labels = self.batches[self.next]
            self.next = (self.next + 1) % len(self.batches)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.autocast):
                logits = self.model(dense, ids)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
            self.sparse.zero_grad()
            self.dense.zero_grad()
            loss.backward()
            self.sparse.step()
            self.dense.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--widths", type=int, nargs="+", required=True)
    parser.add_argument("--dim", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--sparse", choices=["embedding", "bag"], default="embedding")
    parser.add_argument("--adam", choices=["loop", "foreach", "fused"], default="fused")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="bf16: under torch.autocast")
    parser.add_argument("--warm-up", type=int, default=20, metavar="STEPS")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.sparse.check_sparse_tensor_invariants.disable()
    trainer = Trainer(options)
    trainer.train(options.warm_up * options.batch_size)
    print(json.dumps({"torch": torch.__version__, "rows": trainer.rows}), flush=True)
    for line in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        trainer.train(int(line))
        print(json.dumps({"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}), flush=True)


if __name__ == "__main__":
    main()
