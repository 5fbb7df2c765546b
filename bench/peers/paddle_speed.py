#!/usr/bin/env python3
"""A click model of samples/ in Paddle on the CPU: bench/run's other opponent (worker.py says how the two talk). The same model as
torch_speed.py's: `--static` makes a static graph of it; bf16 is Paddle's automatic mixed precision."""

import os

import worker


def network(paddle, dim, widths):
    """The dense layers and the loss."""
    sizes = [worker.click_tensors.DENSE + worker.click_tensors.IDS * dim, *widths, 1]

    class Network(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.layers = paddle.nn.LayerList([paddle.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])

        def forward(self, dense, rows, labels):
            x = paddle.concat([dense, rows], axis=1)
            for layer in self.layers[:-1]:
                x = paddle.nn.functional.relu(layer(x))
            logits = self.layers[-1](x)[:, 0].astype("float32")
            return paddle.nn.functional.binary_cross_entropy_with_logits(logits, labels)

    return Network()


class Trainer:
    def __init__(self, paddle, options):
        self.paddle, self.bf16 = paddle, options.precision == "bf16"
        self.batches = worker.Batches(options, lambda *arrays: tuple(map(paddle.to_tensor, arrays)))
        rows = self.batches.rows
        spread = paddle.ParamAttr(initializer=paddle.nn.initializer.Uniform(-0.01, 0.01))
        self.table = paddle.nn.Embedding(rows, options.dim, sparse=True, weight_attr=spread)
        layers = network(paddle, options.dim, options.widths)
        self.adagrad = paddle.optimizer.Adagrad(0.05, parameters=self.table.parameters())
        self.adam = paddle.optimizer.Adam(1e-3, parameters=layers.parameters())
        self.loss = paddle.jit.to_static(layers, full_graph=True) if options.static else layers

    def step(self):
        dense, ids, labels = self.batches.next()
        with self.paddle.amp.auto_cast(enable=self.bf16, dtype="bfloat16", level="O1"):
            loss = self.loss(dense, self.table(ids).flatten(1), labels)
        loss.backward()
        self.adam.step()
        self.adagrad.step()
        self.adam.clear_grad(set_to_zero=False)
        self.adagrad.clear_grad(set_to_zero=False)


def main():
    parser = worker.parser(__doc__)
    parser.add_argument("--static", action="store_true")
    options = parser.parse_args()
    # Read when the library is loaded.
    os.environ.update({name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")})
    import paddle
    paddle.set_device("cpu")
    trainer = Trainer(paddle, options)
    worker.serve(options, trainer.step, {"version": f"Paddle {paddle.__version__}", "rows": trainer.batches.rows})


if __name__ == "__main__":
    main()
