#!/usr/bin/env python3
"""A click model of samples/ in PyTorch at its fastest: bench/run's opponent (worker.py says how the two talk).

What may differ between configurations is how PyTorch is asked, never the model: 13 dense values, 26 ids, Adagrad on the table,
of which only the rows of the batch are touched, and Adam on the rest. `--table` is who holds the table, `--compile` compiles the
network and its loss; bf16 is torch.autocast with f32 from the logits on."""

import torch

import worker


class OrdinaryTable(torch.nn.Module):
    """nn.Embedding or nn.EmbeddingBag with sparse gradients."""

    def __init__(self, rows, dim, bag):
        super().__init__()
        kind = torch.nn.EmbeddingBag if bag else torch.nn.Embedding
        self.table, self.bag = kind(rows, dim, sparse=True, **({"mode": "sum"} if bag else {})), bag
        torch.nn.init.uniform_(self.table.weight, -0.01, 0.01)
        self.optimizer = torch.optim.Adagrad(self.table.parameters(), lr=0.05)

    def forward(self, ids):
        return self.table(ids.view(-1, 1)).view(len(ids), -1) if self.bag else self.table(ids).flatten(1)


class FbgemmTable(torch.nn.Module):
    """fbgemm's table-batched embedding, whose Adagrad is part of its backward pass."""

    def __init__(self, rows, dim):
        super().__init__()
        from fbgemm_gpu import split_table_batched_embeddings_ops_common as common
        from fbgemm_gpu import split_table_batched_embeddings_ops_training as training
        from fbgemm_gpu.split_embedding_configs import EmbOptimType
        width = (dim + 3) // 4 * 4  # what it can hold
        place = (common.EmbeddingLocation.HOST, training.ComputeDevice.CPU)
        self.table = training.SplitTableBatchedEmbeddingBagsCodegen(
            [(rows, width, *place)], optimizer=EmbOptimType.EXACT_ADAGRAD, learning_rate=0.05, eps=1e-10)
        self.table.init_embedding_weights_uniform(-0.01, 0.01)
        self.dim, self.optimizer, self.offsets = dim, None, None

    def forward(self, ids):
        if self.offsets is None or len(self.offsets) != ids.numel() + 1:
            self.offsets = torch.arange(ids.numel() + 1)
        rows = self.table(ids.view(-1), self.offsets)
        return rows[:, :self.dim].reshape(len(ids), -1)


class Network(torch.nn.Module):
    """The dense layers and the loss."""

    def __init__(self, dim, widths):
        super().__init__()
        sizes = [worker.click_tensors.DENSE + worker.click_tensors.IDS * dim, *widths, 1]
        self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, dense, rows, labels):
        x = torch.cat([dense, rows], dim=1)
        for layer in self.layers[:-1]:
            x = torch.relu_(layer(x))
        logits = self.layers[-1](x)[:, 0]
        return torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)


class Trainer:
    def __init__(self, options):
        self.batches = worker.Batches(options, lambda *arrays: tuple(map(torch.from_numpy, arrays)))
        rows = self.batches.rows
        self.table = FbgemmTable(rows, options.dim) if options.table == "fbgemm" else \
            OrdinaryTable(rows, options.dim, options.table == "bag")
        network = Network(options.dim, options.widths)
        self.adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
        self.network = torch.compile(network) if options.compile else network
        self.autocast = options.precision == "bf16"

    def step(self):
        dense, ids, labels = self.batches.next()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.autocast):
            loss = self.network(dense, self.table(ids), labels)
        self.adam.zero_grad()
        if self.table.optimizer:
            self.table.optimizer.zero_grad()
        loss.backward()
        self.adam.step()
        if self.table.optimizer:
            self.table.optimizer.step()


def main():
    parser = worker.parser(__doc__)
    parser.add_argument("--table", choices=["embedding", "bag", "fbgemm"], default="embedding")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.sparse.check_sparse_tensor_invariants.disable()
    trainer = Trainer(options)
    worker.serve(options, trainer.step, {"version": f"PyTorch {torch.__version__}", "rows": trainer.batches.rows})


if __name__ == "__main__":
    main()
