"""Shows and clicks, admission by score, and eviction (unseen, by score, by memory): the rows of a saved model are those of
a model of the rules in Python, whatever the mode, the processes and the micro-batches; so they are when training went on
from a save; and predictions make no rows."""

import random
import struct
import unittest

import e2e

MODEL = e2e.SOURCE / "tests" / "e2e" / "Inputs" / "row_rules.heter"
BATCH, STEPS, SHARDS = 40, 36, 4096
FLAGS = ["--batch-size", BATCH]
IN_FOUR = ["--batch-size", BATCH // 4, "--micro-batches", 4]
MASK = (1 << 64) - 1


def mixed(key):
    key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    key = (key ^ (key >> 27)) * 0x94D049BB133111EB & MASK
    return key ^ (key >> 31)


def f32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def shard(key):
    return mixed(key) >> 52


class Rules:
    """A table by the book: docs/how-to/admit-rows.md."""

    def __init__(self, period, show=0.0, click=0.0, decay=1.0, admit=None, unseen=None, least=None, shard_rows=None):
        self.__dict__.update(locals())
        self.rows = {}  # key: [shows, clicks, period of the last push, admitted]

    def score(self, row, period):
        left = self.decay ** max(period - row[2], 0)
        return (row[0] - row[1]) * left * self.show + row[1] * left * self.click

    def push(self, counts, step):
        period = step // self.period
        for key, (shows, clicks) in counts.items():
            row = self.rows.setdefault(key, [0, 0, period, self.admit is None])
            left = self.decay ** max(period - row[2], 0)
            row[0], row[1], row[2] = row[0] * left + shows, row[1] * left + clicks, period
            if not row[3] and self.score(row, period) >= self.admit:
                row[3] = True

    def evict(self, keys, period, most=None):
        def goes(row):
            return (self.unseen is not None and period - row[2] > self.unseen) or (
                self.least is not None and self.score(row, period) < self.least)

        stay = []
        for key in keys:
            if goes(self.rows[key]):
                del self.rows[key]
            else:
                stay.append(key)
        if most is not None:
            stay.sort(key=lambda key: (self.score(self.rows[key], period), -(period - self.rows[key][2]), mixed(key)))
            for key in stay[: max(len(stay) - most, 0)]:
                del self.rows[key]

    def close(self, step):
        """The end of a step: shards with too many rows give some up, then those whose turn it is."""
        period = (step + 1) // self.period
        shards = {}
        for key in self.rows:
            shards.setdefault(shard(key), []).append(key)
        if self.shard_rows:
            for keys in shards.values():
                if len(keys) > self.shard_rows[0]:
                    self.evict(keys, period, self.shard_rows[1])
        turn = lambda clock: clock // self.period * SHARDS + clock % self.period * SHARDS // self.period
        if self.unseen is None and self.least is None:
            return
        for at in range(turn(step), turn(step + 1)):
            self.evict(shards.get(at % SHARDS, []), period)


class RowRules(e2e.TestCase):
    @classmethod
    def setUpClass(cls):
        draw = random.Random(5)
        zipf = lambda: int(3000 ** draw.random() ** 0.6)
        cls.examples = []
        for step in range(STEPS):
            for _ in range(BATCH):
                # Some keys come only early, and one twice in an example.
                far = 100000 + draw.randrange(30000)
                item = zipf() + (5000 if step < 10 else 0)
                slots = [zipf(), far, draw.choice([far, zipf()])]
                recent = [zipf() for _ in range(draw.randrange(3))]
                clicked = int(draw.random() < (0.8 if item % 7 == 0 else 0.2))
                cls.examples.append((clicked, int(draw.random() < 0.1), item, slots, recent))

    def setUp(self):
        super().setUp()
        self.data = self.folder / "lines.tsv"
        with open(self.data, "w") as out:
            for click, bought, item, slots, recent in self.examples:
                print(click, bought, item, *slots, ",".join(map(str, recent)), sep="\t", file=out)

    def expected(self, steps=STEPS):
        row_bytes = 12 + 9 + 4 * (2 + 2 * 3 + 2)  # statistics, values and two moments, two weights
        most = 500 * 1024 // SHARDS
        tables = {
            "goods": Rules(4, 0.25, 1, 0.5, admit=2, unseen=3, least=0.25),
            "sales": Rules(2, 0.125, 1, 1, shard_rows=(most // row_bytes, (most - most // 16) // row_bytes)),
            "latest": Rules(1, unseen=3),
        }
        for step in range(steps):
            counts = {name: {} for name in tables}

            def count(table, key, click):
                before = counts[table].get(key, (0, 0))
                counts[table][key] = (before[0] + 1, before[1] + click)

            for click, bought, item, slots, recent in self.examples[step * BATCH : (step + 1) * BATCH]:
                for key in [item] + slots + recent:
                    count("goods", key, click)
                for key in [item] + slots:
                    count("sales", key, bought)
                count("latest", item, 0)
            for name, table in tables.items():
                table.push(counts[name], step)
                table.close(step)
        return tables

    def rows_of(self, text):
        rows = {}
        for line in text.decode().splitlines():
            words = line.split()
            if words[0] in ("goods", "sales", "latest"):
                rows.setdefault(words[0], {})[int(words[1])] = words[2:]
        return rows

    def assertKeeps(self, text, expected):
        rows = self.rows_of(text)
        for name, table in expected.items():
            self.assertEqual(set(rows[name]), set(table.rows), f"keys of {name}")
            for key, row in table.rows.items():
                words = rows[name][key]
                if name != "latest":
                    self.assertEqual(words[0], "statistics")
                    self.assertEqual([f32(float(word)) for word in words[1:3]], row[:2], f"{name} {key}")
                if name == "goods":
                    self.assertEqual("vector.value" in words, row[3], f"admission of {key}")

    def test_rows_are_those_of_the_rules(self):
        expected = self.expected()
        goods, sales = expected["goods"], expected["sales"]
        keys = {key for _, _, item, slots, recent in self.examples for key in [item] + slots + recent}
        self.assertGreater(len(keys), 2 * len(goods.rows), "rows are evicted")
        self.assertGreater(sum(row[3] for row in goods.rows.values()), 50, "keys are admitted")
        self.assertGreater(sum(not row[3] for row in goods.rows.values()), 50, "keys are held short")
        shards = {}
        for key in {key for _, _, item, slots, _ in self.examples for key in [item] + slots}:
            shards[shard(key)] = shards.get(shard(key), 0) + 1
        self.assertGreater(sum(count > sales.shard_rows[0] for count in shards.values()), 50, "shards overflow")
        model = None
        for mode, launch, flags in [
            ("local", False, FLAGS),
            ("heter-ps", False, [*FLAGS, "--servers", 2]),
            ("local", False, [*IN_FOUR, "--threads", 2]),
            ("ps", False, [*IN_FOUR, "--servers", 3, "--cpu-trainers", 2]),
            ("ps", True, [*IN_FOUR, "--servers", 3, "--cpu-trainers", 2]),
        ]:
            package = self.compile(MODEL, mode, "--no-fuse")
            _, _, text = self.train(package, self.data, *flags, launch=launch, dump=True)
            with self.subTest(mode=mode, launch=launch, flags=flags):
                self.assertKeeps(text, expected)
                micro = "--micro-batches" in flags
                if model is None or model[0] != micro:
                    model = (micro, text)
                self.assertSameModel(text, model[1], f"{mode} {flags}")

    def test_going_on_is_one_run(self):
        for mode, first, second in [("local", [], []), ("ps", ["--servers", 2], ["--servers", 3])]:
            package = self.compile(MODEL, mode)
            _, _, whole = self.train(package, self.data, *FLAGS, *first, dump=True)
            half = self.folder / f"half-{mode}"
            # 18 steps end amid a period of goods.
            self.train(package, self.data, *FLAGS, *first, "--max-examples", 18 * BATCH, "--save", half)
            _, _, rest = self.train(package, self.data, *FLAGS, *second, "--load", half, dump=True)
            self.assertSameModel(rest, whole, f"{mode}: in halves and at once")

    def test_async_counts_once(self):
        """No order is promised of updates, but every show and click counts once: sales decays by nothing."""
        spec = self.folder / "counting.heter"
        spec.write_text(MODEL.read_text().replace("  memory: 500KiB\n", "").replace("decay: 1)\n  period: 2 steps", "decay: 1)"))
        counts = {}
        for _, bought, item, slots, _ in self.examples:
            for key in [item] + slots:
                before = counts.get(key, (0, 0))
                counts[key] = (before[0] + 1, before[1] + bought)
        for mode, flags in [("local", ["--in-flight", 3]), ("ps", ["--servers", 2, "--cpu-trainers", 2])]:
            package = self.compile(spec, mode)
            _, _, text = self.train(package, self.data, *FLAGS, "--update", "async", *flags, dump=True)
            rows = self.rows_of(text)["sales"]
            self.assertEqual({key: tuple(float(word) for word in words[1:3]) for key, words in rows.items()}, counts)

    def test_statistics_are_shown(self):
        package, saved = self.compile(MODEL), self.folder / "saved"
        self.train(package, self.data, *FLAGS, "--save", saved)
        goods = self.expected()["goods"]
        stats = e2e.run_tool("heter", "table", "stats", saved).stdout
        short = sum(not row[3] for row in goods.rows.values())
        self.assertIn(f"table goods: rows {len(goods.rows)}, not admitted {short}, bytes", stats)
        shows = sum(row[0] for row in goods.rows.values())
        line = next(line for line in stats.splitlines() if line.startswith("  shows"))
        self.assertAlmostEqual(float(line.split()[1].rstrip(",")), shows, delta=shows * 1e-5)
        shown = e2e.run_tool("heter", "inspect", package).stdout
        self.assertIn("rows of goods: show_click (clicks click, click 1, decay 0.5, show 0.25), period (steps 4), "
                      "unseen (periods 3), score (least 0.25)\n", shown)
        self.assertIn("rows of sales: show_click (clicks bought, click 1, decay 1, show 0.125), period (steps 2), "
                      "memory (bytes 512000)\n", shown)

    def test_predictions_make_no_rows(self):
        package, saved = self.compile(MODEL), self.folder / "saved"
        self.train(package, self.data, *FLAGS, "--max-examples", 10 * BATCH, "--save", saved)
        before = e2e.run_tool("heter", "dump", saved).stdout
        e2e.run_tool("heter", "predict", package, "--load", saved, "--data", self.data, "--out", self.folder / "out")
        self.assertEqual(e2e.run_tool("heter", "dump", saved).stdout, before)


if __name__ == "__main__":
    unittest.main()
