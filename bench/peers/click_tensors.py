"""Click data as arrays with dense indices, for programs that do not hash: lines in Criteo's form, each distinct (column, text)
of two files numbered. Kept beside the file, for reading takes longer than many a measurement."""

import pathlib

import numpy as np

DENSE, IDS = 13, 26
COLUMNS = 1 + DENSE + IDS


def cells(path):
    """The file's bytes, and where each cell begins and how long it is: [lines, 40] each."""
    data = np.fromfile(path, dtype=np.uint8)
    ends = np.flatnonzero((data == ord("\t")) | (data == ord("\n"))).reshape(-1, COLUMNS)
    begins = np.concatenate([[0], ends.ravel()[:-1] + 1]).reshape(-1, COLUMNS)
    return data, begins, ends - begins


def letters(data, begins, lengths, most):
    """The cells' bytes [cells, most], 0 behind the end."""
    places = begins[:, None] + np.arange(most)
    inside = np.arange(most) < lengths[:, None]
    return np.where(inside, data[np.minimum(places, len(data) - 1)], 0)


def whole_numbers(data, begins, lengths):
    """The cells as numbers; an empty one is 0."""
    text = letters(data, begins, lengths, int(lengths.max(initial=1)))
    numbers = np.zeros(len(text), dtype=np.int64)
    for column in text.T:
        digit = (column >= ord("0")) & (column <= ord("9"))
        numbers = np.where(digit, numbers * 10 + column.astype(np.int64) - ord("0"), numbers)
    return np.where(text[:, 0] == ord("-"), -numbers, numbers)


def id_words(data, begins, lengths):
    """A cell of at most 8 letters as a 64-bit word."""
    if lengths.max(initial=0) > 8:
        raise ValueError("an id has more than 8 letters")
    return np.ascontiguousarray(letters(data, begins, lengths, 8).astype(np.uint8)).view(np.uint64)[:, 0]


def parse(path, all_ids):
    """dense [n, 13], ids [n, 26], labels [n], and the number of distinct ids in both files."""
    data, begins, lengths = cells(path)
    every, every_begins, every_lengths = cells(all_ids)
    dense = np.stack([whole_numbers(data, begins[:, c], lengths[:, c]) for c in range(1, 1 + DENSE)], axis=1)
    ids, rows = np.empty((len(begins), IDS), dtype=np.int64), 0
    for i in range(IDS):
        c = 1 + DENSE + i
        words = np.concatenate([id_words(data, begins[:, c], lengths[:, c]),
                                id_words(every, every_begins[:, c], every_lengths[:, c])])
        distinct, numbers = np.unique(words, return_inverse=True)
        ids[:, i] = numbers[:len(ids)] + rows
        rows += len(distinct)
    dense = np.log1p(np.maximum(dense, 0)).astype(np.float32)
    return dense, ids, whole_numbers(data, begins[:, 0], lengths[:, 0]).astype(np.float32), rows


def read(path, all_ids):
    """What parse gives, parsed once."""
    kept = pathlib.Path(f"{path}.npz")
    if not kept.exists() or kept.stat().st_mtime < max(pathlib.Path(p).stat().st_mtime for p in (path, all_ids)):
        dense, ids, labels, rows = parse(path, all_ids)
        np.savez(kept, dense=dense, ids=ids, labels=labels, rows=rows)
    with np.load(kept) as arrays:
        return arrays["dense"], arrays["ids"], arrays["labels"], int(arrays["rows"])
