"""The samples' data blocks in Python: what `heter` makes of a line, written a second time from docs/formats/data.md.

Each reader returns a dict of arrays over the examples of lines first..last: labels and dense values as float32, ids as
uint64."""

import csv
import itertools

import numpy as np
import xxhash


def hash_text(text, salt):
    """The id of a text: XXH64, seeded by the XXH64 of its salt."""
    return xxhash.xxh64_intdigest(text.encode(), seed=xxhash.xxh64_intdigest(salt.encode(), seed=0))


class Salted:
    """Hashes one column, remembering the salt's own hash."""

    def __init__(self, salt):
        self.seed = xxhash.xxh64_intdigest(salt.encode(), seed=0)

    def __call__(self, text):
        return xxhash.xxh64_intdigest(text.encode(), seed=self.seed)


def number(text):
    return float(text) if text else 0.0


def read_criteo(path, first, last):
    hashes = [Salted(f"col[{column}]") for column in range(14, 40)]
    click, dense, slots = [], [], []
    with open(path, encoding="utf-8") as lines:
        for line in itertools.islice(lines, first - 1, last):
            columns = line.rstrip("\n").split("\t")
            click.append(float(columns[0]))
            dense.append([max(number(text), 0.0) for text in columns[1:14]])
            slots.append([hashed(text) for hashed, text in zip(hashes, columns[14:40])])
    return {"click": np.array(click, np.float32), "dense": np.log1p(np.array(dense)).astype(np.float32),
            "slots": np.array(slots, np.uint64)}


ADULT = ["age", "work", "weight", "school", "years", "marital", "job", "relation", "race", "sex", "gain", "loss", "hours",
         "country", "income"]
DECADES = [18, 25, 30, 35, 40, 45, 50, 55, 60, 65]


def read_adult(path, first, last):
    texts = ["work", "school", "marital", "job", "relation", "race", "sex", "country"]
    hashes = {name: Salted(name) for name in texts}
    decades, two, three = Salted("bucket(age)"), Salted("cross(school,job)"), Salted("cross(bucket(age),school,job)")
    rich, numbers, deep, wide = [], [], [], []
    with open(path, encoding="utf-8", newline="") as lines:
        for fields in itertools.islice(csv.reader(lines), first - 1, last):
            row = {name: "" if (text := field.strip()) == "?" else text for name, field in zip(ADULT, fields)}
            rich.append(float(row["income"].startswith(">50K")))
            numbers.append([number(row["age"]) / 100, number(row["years"]) / 16, np.log1p(number(row["gain"])) / 12,
                            np.log1p(number(row["loss"])) / 9, number(row["hours"]) / 100])
            deep.append([hashes[name](row[name]) for name in texts])
            decade = str(int(np.searchsorted(DECADES, float(row["age"]), side="right"))) if row["age"] else ""
            wide.append(deep[-1] + [decades(decade), two("\x1f".join([row["school"], row["job"]])),
                                    three("\x1f".join([decade, row["school"], row["job"]]))])
    return {"rich": np.array(rich, np.float32), "numbers": np.array(numbers).astype(np.float32),
            "deep": np.array(deep, np.uint64), "wide": np.array(wide, np.uint64)}


def read_aliccp(path, first, last):
    hashes = [Salted(f"col[{column}]") for column in range(2, 25)]
    click, buy, ids, dense = [], [], [], []
    with open(path, encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        header = next(rows)
        for fields in itertools.islice(rows, first - 1, last):
            click.append(float(fields[header.index("click")]))
            buy.append(float(fields[header.index("purchase")]))
            ids.append([hashed(text) for hashed, text in zip(hashes, fields[2:25])])
            dense.append([number(text) for text in fields[25:33]])
    return {"click": np.array(click, np.float32), "buy": np.array(buy, np.float32), "ids": np.array(ids, np.uint64),
            "dense": np.array(dense).astype(np.float32)}
