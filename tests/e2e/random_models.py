"""Random models: specs of the model language that train, each determined by its seed.

A model is a list of values of each example, each made of earlier ones by an operation that their shapes allow; what the
last ones hold goes into a logit. Values are kept small, and where a function is steep (a quotient, a root, a logarithm) it is
taken of something that stays away from there, so that f32 and double precision stay together for some steps.
"""

import random
import re
from math import prod, sqrt

DENSE, SLOTS = 12, 4
LARGEST = 36  # values of an example in one tensor

DATA = f"""
data lines : tsv {{
  click = col[0]
  count = col[0]
  dense = log1p(max(col[1..{DENSE}], 0)) * 0.2
  slots = hash(col[14..{13 + SLOTS}])
  words = hash(split(col[20], "a"))
}}
"""

OPTIMIZERS = ["sgd(lr: 0.02)", "momentum(lr: 0.01)", "nesterov(lr: 0.01)", "adagrad(lr: 0.02, initial: 0.1)",
              "adam(lr: 1e-3)", "adamw(lr: 1e-3)", "ftrl(lr: 0.02, l2: 0.1)"]
ROW_OPTIMIZERS = ["sgd(lr: 0.05)", "adagrad(lr: 0.05, initial: 0.1)", "rowwise_adagrad(lr: 0.05, initial: 0.1)",
                  "adam(lr: 1e-3)", "rowwise_adam(lr: 1e-3)"]


class Value:
    """A name, its shape within an example, and a bound that its elements seldom pass."""

    def __init__(self, name, shape, bound):
        self.name, self.shape, self.bound = name, tuple(shape), bound
        self.shared = False  # by all examples, as parameters are


class Model:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seed, self.lines, self.values, self.count = seed, [], [], 0
        self.tables = {f"t{i}": self.random.randint(1, 6) for i in range(self.random.randint(1, 3))}

    def text(self):
        pick = self.random
        self.values.append(Value("dense", [DENSE], 2))
        self.values.append(Value("f32(count)", [], 1))
        for table, dim in self.tables.items():
            self.add(f"lookup({table}, slots)", [SLOTS, dim], 0.3)
            if pick.random() < 0.5:
                pool = pick.choice(["sum", "mean"])
                self.add(f"lookup({table}, {pick.choice(['slots', 'words'])}, pool: {pool})", [dim], 0.5)
        while self.count < 22:
            self.operation()
        self.logit()
        return "\n".join([f"model random_{self.seed} {{ seed: {self.seed} }}", f"dense : f32[{DENSE}]", "count : i64",
                          f"slots : id[{SLOTS}]", "words : id[*]", "click : label", *map(self.table, self.tables),
                          *self.marked(), self.goal()]) + DATA

    def table(self, name):
        rule = self.random.choice(ROW_OPTIMIZERS)
        return f"table {name} {{ dim: {self.tables[name]}, init: uniform(0.3), optimizer: {rule} }}"

    def goal(self):
        pick = self.random
        loss = ["mean(log_loss(sigmoid(logit) * 0.8 + 0.1, click))",
                "mean(softmax_cross_entropy(classes, count))",
                "mean(square(sigmoid(logit) - click)) + 0.1 * mean(square(logit))"]
        clip = pick.choice(["", "", " { clip: global_norm(1) }", " { clip: value(0.05) }"])
        loss = ["mean(sigmoid_cross_entropy(logit, click))", *pick.sample(loss, pick.randint(0, 2))]
        return f"minimize {' + '.join(loss)} with {pick.choice(OPTIMIZERS)}{clip}"

    def marked(self):
        """The statements, some runs of them in blocks for accelerators, the last always."""
        out, rest = [], list(self.lines)
        while rest:
            size = self.random.randint(1, 8)
            part, rest = rest[:size], rest[size:]
            out += ["on heter {", *("  " + line for line in part), "}"] if not rest or self.random.random() < 0.6 else part
        return out

    def add(self, expression, shape, bound):
        """Binds an expression; one that may grow too far is squeezed, one that is too large is left out."""
        if prod(shape) > LARGEST:
            return None
        self.count += 1
        name = f"v{self.count}"
        self.lines.append(f"{name} = {expression}")
        if bound > 4:
            self.lines.append(f"{name}s = tanh({name} * {2 / bound:.3g})")
            name, bound = name + "s", 1
        value = Value(name, shape, bound)
        words = re.findall(r"\w+", expression)
        value.shared = all(v.shared for v in self.values if v.name in words) and "lookup" not in words
        self.values.append(value)
        return value

    def value(self, *ranks):
        """One of the later values, most likely, of one of the ranks."""
        fitting = [v for v in self.values if not ranks or len(v.shape) in ranks]
        if not fitting:
            return self.values[0]
        return fitting[max(self.random.randrange(len(fitting)), self.random.randrange(len(fitting)))]

    def shaped(self, shape):
        """A value of that shape: there already, or by a layer of another, or a parameter."""
        there = [v for v in self.values if v.shape == tuple(shape)]
        if there and self.random.random() < 0.7:
            return self.random.choice(there)
        if shape and self.random.random() < 0.6:
            x = self.value(1)
            made = self.add(f"linear({x.name}, {prod(shape)})", [prod(shape)], x.bound * sqrt(x.shape[0]) / 2)
            if made and len(shape) != 1:
                made = self.add(f"reshape({made.name}, {list(shape)})", shape, made.bound)
            if made:
                return made
        return self.add(f"param({list(shape)}, init: uniform(0.5))", shape, 0.5) if shape else self.values[1]

    def operation(self):
        kinds = [self.unary, self.unary, self.pair, self.pair, self.layer, self.layer, self.product, self.product, self.reduce,
                 self.reduce, self.shape, self.shape, self.join, self.join, self.cut, self.softmax, self.norm, self.whole,
                 self.drop, self.loop]
        self.random.choice(kinds)()

    def unary(self):
        x = self.value()
        form, bound = self.random.choice([
            ("relu({})", x.bound), ("sigmoid({})", 1), ("tanh({})", 1), ("exp(-square({}))", 1), ("exp({} * 0.2)", 2),
            ("log(square({}) + 1)", x.bound), ("sqrt(square({}) + 0.2)", x.bound + 0.5), ("square({})", x.bound**2), ("-{}", x.bound),
            ("{} * 0.5", x.bound / 2), ("1 - {}", x.bound + 1), ("1 / (square({}) + 1)", 1)])
        self.add(form.format(x.name), x.shape, bound)

    def pair(self):
        x = self.value()
        other = list(x.shape)
        choice = self.random.random()
        if choice < 0.3:
            other = other[self.random.randint(0, len(other)):]
        elif choice < 0.5:
            other = [1 if self.random.random() < 0.5 else n for n in other]
        y = self.shaped(other)
        if not y:
            return
        a, b = (x, y) if self.random.random() < 0.5 else (y, x)
        form, bound = self.random.choice([
            ("{} + {}", x.bound + y.bound), ("{} - {}", x.bound + y.bound), ("{} * {}", x.bound * y.bound),
            ("{} / (square({}) + 1)", max(x.bound, y.bound))])
        self.add(form.format(a.name, b.name), x.shape, bound)

    def layer(self):
        x = self.value(1, 1, 1, 2, 3)
        if not x.shape:
            return
        out = self.random.randint(1, 9)
        bias = self.random.choice(["", "", ", bias: false"])
        form, bound = self.random.choice([("{}", 0), ("relu({})", 0), ("sigmoid({})", 1), ("tanh({})", 1)])
        self.add(form.format(f"linear({x.name}, {out}{bias})"), [*x.shape[:-1], out],
                 bound or x.bound * sqrt(x.shape[-1]) / 2 + 0.5)

    def product(self):
        x = self.value(1, 2)
        if len(x.shape) not in (1, 2):
            return
        k = x.shape[-1]
        kind = self.random.choice(["matrix", "vector", "self"])
        if kind == "self" and len(x.shape) == 2:
            square = self.add(f"matmul({x.name}, transpose({x.name}))", [x.shape[0]] * 2, x.bound**2 * sqrt(k))
            if square and self.random.random() < 0.5 and x.shape[0] > 1:
                self.add(f"lower_triangle({square.name})", [x.shape[0] * (x.shape[0] - 1) // 2], square.bound)
            return
        y = self.shaped([k] if kind == "vector" else [k, self.random.randint(1, 5)])
        if not y:
            return
        name = y.name
        if len(y.shape) == 2 and self.random.random() < 0.3:
            turned = self.shaped([self.random.randint(1, 5), k])
            if turned:
                name, y = f"transpose({turned.name})", Value("", turned.shape[::-1], turned.bound)
        self.add(f"matmul({x.name}, {name})", [*x.shape[:-1], *y.shape[1:]], x.bound * y.bound * sqrt(k))

    def reduce(self):
        x = self.value(1, 2, 3)
        if not x.shape:
            return
        name = self.random.choice(["sum", "mean", "max", "min"])
        axes = [self.random.randrange(len(x.shape))]
        if len(x.shape) > 1 and self.random.random() < 0.3:
            axes = [axes[0], (axes[0] + 1) % len(x.shape)] if name in ("sum", "mean") else [0, 1]
        shape = [n for axis, n in enumerate(x.shape) if axis not in axes]
        count = prod(x.shape[axis] for axis in axes)
        self.add(f"{name}({x.name}, axis: {axes if len(axes) > 1 else axes[0]})", shape, x.bound * (sqrt(count) if name == "sum" else 1))

    def shape(self):
        x = self.value(1, 2, 3)
        if not x.shape:
            return
        kind = self.random.choice(["flatten", "transpose", "reshape", "reshape"])
        if kind == "flatten":
            self.add(f"flatten({x.name})", [prod(x.shape)], x.bound)
        elif kind == "transpose" and len(x.shape) == 2:
            self.add(f"transpose({x.name})", x.shape[::-1], x.bound)
        else:
            size = prod(x.shape)
            first = self.random.choice([d for d in range(1, size + 1) if size % d == 0])
            second = self.random.choice([d for d in range(1, size // first + 1) if size // first % d == 0])
            shape = self.random.choice([[first, size // first], [first, second, size // first // second]])
            self.add(f"reshape({x.name}, {shape})", shape, x.bound)

    def join(self):
        x = self.value(0, 1, 2)
        if len(x.shape) > 1 or self.random.random() < 0.3:
            others = [v for v in self.values if v.shape == x.shape]
            chosen = [x, *self.random.choices(others, k=self.random.randint(1, 2))]
            bound = max(v.bound for v in chosen)
            names = ", ".join(v.name for v in chosen)
            if x.shape and self.random.random() < 0.5:
                axis = self.random.randrange(len(x.shape))
                shape = [n * len(chosen) if i == axis else n for i, n in enumerate(x.shape)]
                self.add(f"concat({names}, axis: {axis})", shape, bound)
            else:
                self.add(f"stack([{names}])", [len(chosen), *x.shape], bound)
            return
        chosen = [x, *(self.value(0, 1) for _ in range(self.random.randint(1, 3)))]
        self.add(f"concat({', '.join(v.name for v in chosen)})", [sum(prod(v.shape) for v in chosen)], max(v.bound for v in chosen))

    def cut(self):
        x = self.value(1, 2, 3)
        if not x.shape:
            return
        axis = self.random.randrange(len(x.shape))
        first = self.random.randrange(x.shape[axis])
        last = self.random.randrange(first, x.shape[axis])
        if self.random.random() < 0.3:
            self.add(f"{x.name}[{self.random.randrange(x.shape[0])}]", x.shape[1:], x.bound)
        else:
            self.add(f"slice({x.name}, {first}..{last}, axis: {axis})",
                     [last - first + 1 if i == axis else n for i, n in enumerate(x.shape)], x.bound)

    def softmax(self):
        x = self.value(1, 2, 3)
        if x.shape:
            self.add(f"softmax({x.name}, axis: {self.random.randrange(len(x.shape))})", x.shape, 1)

    def norm(self):
        x = self.value(1, 2, 3)
        if x.shape:
            self.add(f"layer_norm({x.name}, epsilon: 0.5)", x.shape, 2)

    def whole(self):
        """Something of the whole micro-batch."""
        x = self.value()
        form = self.random.choice(["{0} - each(mean({0}))", "{0} / sqrt(each(mean(square({0}))) + 0.5)", "{0} * each(scalar(2) * 0.3)"])
        self.add(form.format(x.name), x.shape, x.bound * 2)

    def drop(self):
        x = self.value(1, 2)
        if not x.shared:
            self.add(f"dropout({x.name}, 0.2)", x.shape, x.bound * 1.25)

    def loop(self):
        x = self.value(1)
        if not x.shape:
            return
        self.count += 1
        name = f"v{self.count}"
        widths = [self.random.randint(1, 9) for _ in range(self.random.randint(1, 3))]
        self.lines += [f"{name} = {x.name}", f"for width in {widths} {{ {name} = tanh(linear({name}, width)) }}"]
        self.values.append(Value(name, widths[-1:], 1))
        self.values[-1].shared = x.shared

    def logit(self):
        used = [v for v in self.values[-12:] if v.shape and prod(v.shape)]
        joined = ", ".join(f"flatten({v.name})" if len(v.shape) > 1 else v.name for v in used)
        table = self.random.choice(list(self.tables))
        rows = f"lookup({table}, slots, pool: mean), lookup({table}, words, pool: mean)"
        self.lines += [f"joined = concat({joined}, {rows}, dense, f32(count))", "logit = linear(joined, 1)", "classes = linear(tanh(joined), 3)"]
