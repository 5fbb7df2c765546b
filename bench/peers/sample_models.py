"""The models of samples/ in PyTorch, with Heter's first values: each parameter is initialized by its path, each row of a
table by its key, so that both programs start from the same point for the same seed.

A model's `forward(batch)` returns its loss and, by name, the (scores, labels) that it reports. Dropout masks are PyTorch's
own; the row that two_classes looks up by a computed id is hashed as Heter hashes it."""

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, relu, softmax

from sample_data import Salted
from torch_ctr_dnn import uniform


class Table(torch.nn.Module):
    """Rows by 64-bit key, of which all that will be asked for are known beforehand."""

    def __init__(self, seed, name, keys, dim, bound):
        super().__init__()
        self.keys = keys
        values = uniform(seed, name, keys, dim, bound) if bound else np.zeros((len(keys), dim), np.float32)
        self.rows = torch.nn.Embedding(len(keys), dim, sparse=True, _weight=torch.from_numpy(values))

    def forward(self, ids):
        return self.rows(torch.from_numpy(np.searchsorted(self.keys, ids)))


class Sample(torch.nn.Module):
    """What the models share. `optimizer` is for the dense parameters; tables have Adagrad with the rate `table_rate`."""

    rate, optimizer, clip, table_rate = 1e-3, torch.optim.Adam, None, 0.05

    def __init__(self, seed, keys):
        super().__init__()
        self.seed = seed
        self.build(keys)

    def table(self, name, keys, dim, bound=0.01):
        return Table(self.seed, name, keys, dim, bound)

    def linear(self, path, inputs, outputs, bias=True):
        layer = torch.nn.Linear(inputs, outputs, bias=bias)
        scale = 1 / np.sqrt(inputs)
        weight = uniform(self.seed, f"{path}.weight", [0], inputs * outputs, scale).reshape(inputs, outputs)
        layer.weight.data = torch.from_numpy(weight.T.copy())
        if bias:
            layer.bias.data = torch.from_numpy(uniform(self.seed, f"{path}.bias", [0], outputs, scale)[0])
        return layer

    def mlp(self, path, inputs, widths, dropout=0.0):
        """`for width in widths { x = relu(linear(x, width)) }`, with dropout behind each if there is any."""
        layers = []
        for i, width in enumerate(widths):
            layers += [self.linear(f"{path}.{i}", inputs, width), torch.nn.ReLU()]
            layers += [torch.nn.Dropout(dropout)] if dropout else []
            inputs = width
        return torch.nn.Sequential(*layers)

    def optimizers(self):
        tables = [m for m in self.modules() if isinstance(m, Table)]
        rows = [table.rows.weight for table in tables]
        self.dense_parameters = [p for p in self.parameters() if not any(p is row for row in rows)]
        return [torch.optim.Adagrad(rows, lr=self.table_rate, eps=1e-10),
                self.optimizer(self.dense_parameters, lr=self.rate)]


def click_loss(logit, batch, label="click", report="auc"):
    loss = binary_cross_entropy_with_logits(logit, batch[label])
    return loss, {report: (torch.sigmoid(logit), batch[label])}


def log_loss(p, z, epsilon=1e-7):
    return (-z * torch.log(p + epsilon) - (1 - z) * torch.log(1 - p + epsilon)).mean()


class Lr(Sample):
    rate, optimizer, table_rate = 0.01, torch.optim.SGD, 0.02

    def build(self, keys):
        self.weight = self.table("weight", keys["slots"], 1, 0)
        self.base = torch.nn.Parameter(torch.zeros(1))

    def forward(self, batch):
        return click_loss(self.weight(batch["slots"]).sum(dim=1)[:, 0] + self.base, batch)


class CtrDnn(Sample):
    dim, widths, outputs, top = 9, [400, 400, 400], 1, "logit"

    def build(self, keys):
        self.emb = self.table("emb", keys["slots"], self.dim)
        self.deep = self.mlp("deep", 13 + 26 * self.dim, self.widths)
        self.logit = self.linear(self.top, self.widths[-1], self.outputs)

    def logits(self, batch):
        return self.logit(self.deep(torch.cat([batch["dense"], self.emb(batch["slots"]).flatten(1)], dim=1)))

    def forward(self, batch):
        return click_loss(self.logits(batch)[:, 0], batch)


class CtrDnnLarge(CtrDnn):
    widths = [4096, 2048, 1024]


class CtrDnn2Class(CtrDnn):
    outputs, top = 2, "logits"

    def forward(self, batch):
        logits = self.logits(batch)
        loss = cross_entropy(logits, batch["click"].long())
        return loss, {"auc": (softmax(logits, dim=1)[:, 1], batch["click"])}


class DeepFm(Sample):
    def build(self, keys):
        self.weight = self.table("fm.weight", keys["slots"], 1, 0)
        self.vector = self.table("fm.vector", keys["slots"], 9)
        self.first = self.linear("first", 13, 1)
        self.deep = self.mlp("deep", 13 + 26 * 9, [400, 400, 400], dropout=0.1)
        self.third = self.linear("third", 400, 1)

    def forward(self, batch):
        v = self.vector(batch["slots"])
        first = self.weight(batch["slots"]).sum(dim=1) + self.first(batch["dense"])
        second = 0.5 * (v.sum(dim=1).square() - v.square().sum(dim=1)).sum(dim=1, keepdim=True)
        third = self.third(self.deep(torch.cat([batch["dense"], v.flatten(1)], dim=1)))
        return click_loss((first + second + third)[:, 0], batch)


class TwoClasses(Sample):
    prototypes = 4096

    def build(self, keys):
        self.emb = self.table("emb", keys["slots"], 16)
        hashed = Salted("prototype")
        self.code_ids = np.array([hashed(str(code)) for code in range(self.prototypes)], np.uint64)
        self.codes = self.table("codes", np.sort(self.code_ids), 16)
        self.h = self.mlp("h.x", 13 + 26 * 16, [1024, 256])
        self.gate = self.linear("gate", 256, self.prototypes)
        self.top = self.mlp("top.x", 256 + 16, [512, 128])
        self.logit = self.linear("logit", 128, 1)

    def forward(self, batch):
        h = self.h(torch.cat([batch["dense"], self.emb(batch["slots"]).flatten(1)], dim=1))
        best, code = softmax(self.gate(h), dim=1).max(dim=1)
        near = self.codes(self.code_ids[code.numpy()]) * best[:, None]
        return click_loss(self.logit(self.top(torch.cat([h, near], dim=1)))[:, 0], batch)


class WideDeep(Sample):
    def build(self, keys):
        self.emb = self.table("emb", keys["deep"], 8)
        self.cell = self.table("cell", keys["wide"], 1, 0)
        self.h = self.mlp("h", 5 + 8 * 8, [100, 50])
        self.deep_logit = self.linear("deep_logit", 50, 1)

    def forward(self, batch):
        h = self.h(torch.cat([batch["numbers"], self.emb(batch["deep"]).flatten(1)], dim=1))
        return click_loss((self.deep_logit(h) + self.cell(batch["wide"]).sum(dim=1))[:, 0], batch, "rich")


class DcnV2(Sample):
    clip, rank = 10, 64

    def build(self, keys):
        self.emb = self.table("emb", keys["slots"], 16)
        n = 13 + 26 * 16
        self.down = torch.nn.ModuleList([self.linear(f"cross.{i}.v", n, self.rank, bias=False) for i in range(3)])
        self.up = torch.nn.ModuleList([self.linear(f"cross.{i}", self.rank, n) for i in range(3)])
        self.deep = self.mlp("deep", n, [768, 768])
        self.logit = self.linear("logit", n + 768, 1)

    def forward(self, batch):
        x0 = torch.cat([batch["dense"], self.emb(batch["slots"]).flatten(1)], dim=1)
        cross = x0
        for down, up in zip(self.down, self.up):
            cross = x0 * up(down(cross)) + cross
        return click_loss(self.logit(torch.cat([cross, self.deep(x0)], dim=1))[:, 0], batch)


class Dlrm(Sample):
    rate, optimizer, dim = 0.1, torch.optim.SGD, 16

    def build(self, keys):
        self.emb = self.table("emb", keys["slots"], self.dim)
        self.bottom = self.mlp("bottom", 13, [512, 256, self.dim])
        self.top = self.mlp("top", self.dim + 27 * 26 // 2, [512, 256])
        self.logit = self.linear("logit", 256, 1)

    def forward(self, batch):
        bottom = self.bottom(batch["dense"])
        rows = torch.cat([bottom[:, None, :], self.emb(batch["slots"])], dim=1)
        dots = torch.bmm(rows, rows.transpose(1, 2))
        row, column = torch.tril_indices(27, 27, offset=-1)
        return click_loss(self.logit(self.top(torch.cat([bottom, dots[:, row, column]], dim=1)))[:, 0], batch)


class Mmoe(Sample):
    def build(self, keys):
        self.emb = self.table("emb", keys["ids"], 8)
        n = 8 + 23 * 8
        self.experts = torch.nn.ModuleList([self.mlp(f"experts.{i}.x", n, [128, 64]) for i in range(4)])
        for task in ["p_click", "p_buy"]:
            self.add_module(f"{task}_gate", self.linear(f"{task}.gate", n, 4))
            self.add_module(f"{task}_h", self.mlp(f"{task}.h.x", 64, [32]))
            self.add_module(task, self.linear(task, 32, 1))

    def task(self, name, x, experts):
        gate = softmax(getattr(self, f"{name}_gate")(x), dim=1)
        mixed = torch.bmm(gate[:, None, :], experts)[:, 0]
        return torch.sigmoid(getattr(self, name)(getattr(self, f"{name}_h")(mixed)))[:, 0]

    def forward(self, batch):
        x = torch.cat([batch["dense"], self.emb(batch["ids"]).flatten(1)], dim=1)
        experts = torch.stack([expert(x) for expert in self.experts], dim=1)
        p_click, p_buy = self.task("p_click", x, experts), self.task("p_buy", x, experts)
        loss = log_loss(p_click, batch["click"]) + 0.5 * log_loss(p_buy, batch["buy"])
        return loss, {"click_auc": (p_click, batch["click"]), "buy_auc": (p_buy, batch["buy"])}


class Esmm(Sample):
    def build(self, keys):
        self.emb = self.table("emb", keys["ids"], 8)
        for tower in ["p_click", "p_buy"]:
            self.add_module(f"{tower}_x", self.mlp(f"{tower}.x", 23 * 8, [64, 32]))
            self.add_module(tower, self.linear(tower, 32, 1))

    def tower(self, name, x):
        return torch.sigmoid(getattr(self, name)(getattr(self, f"{name}_x")(x)))[:, 0]

    def forward(self, batch):
        x = self.emb(batch["ids"]).flatten(1)
        p_click, p_buy = self.tower("p_click", x), self.tower("p_buy", x)
        p_both, both = p_click * p_buy, batch["click"] * batch["buy"]
        loss = log_loss(p_click, batch["click"]) + log_loss(p_both, both)
        return loss, {"ctr_auc": (p_click, batch["click"]), "ctcvr_auc": (p_both, both)}
