"""What texts are about, learned from the workspace's own texts: latent semantic analysis.

Texts are counted as words (their stems), weighed by how rare each is (TF-IDF), and the large sparse table of texts by
words is taken apart into its strongest directions by a randomised singular value decomposition (Halko, Martinsson and
Tropp, 2011). Words that stand in the same texts, or beside the same words, come to lie in the same directions, so that
a text is near another that says the same in other words. NumPy is imported by who uses this, and by nobody else.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

# Its threads would spin on every core for products that one core does in a moment, beside those who do real work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from numpy.typing import NDArray

from vapora.search.words import STOPWORDS, folded, stem, words

Floats = NDArray[np.float32]

MOST_TEXTS: Final = 20_000
MOST_WORDS: Final = 20_000
DIMS: Final = 100
# Of a text: what it begins with says what it is about.
_MOST_OF_TEXT = 20_000
_TITLE_WEIGHT = 2
# A word that only one text has joins nothing to anything.
_LEAST_TEXTS = 2
_OVERSAMPLED = 12
_ROUNDS = 4
# Values that are multiplied in one step: bounds the memory, and lets other threads in between.
_STEP = 100_000
_SEED = 20_260_601


def counted(title: str, text: str) -> Counter[str]:
    """How often it has each stem; what is a stop word, a number or a single letter is not looked at."""
    counts: Counter[str] = Counter()
    for part, weight in ((title, _TITLE_WEIGHT), (text[:_MOST_OF_TEXT], 1)):
        for word in words(part):
            if len(word.text) > 1 and word.text not in STOPWORDS and not word.text.isdigit():
                counts[stem(folded(word.text))] += weight
    return counts


@dataclass(frozen=True)
class Sparse:
    """Rows of a table that is mostly nothing: row r has `values[starts[r]:starts[r + 1]]` in those `columns`."""

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Floats
    width: int

    @property
    def height(self) -> int:
        return len(self.starts) - 1

    def times(self, dense: Floats) -> Floats:
        """The product, of shape (height, dense's columns)."""
        out = np.zeros((self.height, dense.shape[1]), dtype=np.float32)
        row = 0
        while row < self.height:
            last = int(np.searchsorted(self.starts, self.starts[row] + _STEP, side="right")) - 1
            last = min(max(last, row + 1), self.height)
            begin, end = int(self.starts[row]), int(self.starts[last])
            parts = dense[self.columns[begin:end]] * self.values[begin:end, None]
            filled = np.flatnonzero(np.diff(self.starts[row : last + 1])) + row
            if len(filled):
                out[filled] = np.add.reduceat(parts, self.starts[filled] - begin, axis=0)
            row = last
        return out

    def turned(self) -> Sparse:
        """Columns as rows."""
        order = np.argsort(self.columns, kind="stable")
        rows = np.repeat(np.arange(self.height, dtype=np.int64), np.diff(self.starts))
        starts = np.searchsorted(self.columns[order], np.arange(self.width + 1)).astype(np.int64)
        return Sparse(starts, rows[order], self.values[order], self.height)


@dataclass(frozen=True)
class Latent:
    """A model: what each word weighs, and where it points. Vectors of two models have nothing to do with each other."""

    vocabulary: dict[str, int]
    rarity: Floats
    directions: Floats

    @property
    def dims(self) -> int:
        return int(self.directions.shape[1])

    def vectors(self, texts: Sequence[Counter[str]]) -> Floats:
        """One of length 1 for each text, or of nothing but zeros for one of which the model knows no word."""
        table = _table(texts, self.vocabulary, self.rarity)
        return _of_length_1(table.times(self.directions))

    def pack(self) -> bytes:
        held = io.BytesIO()
        names = json.dumps(sorted(self.vocabulary, key=self.vocabulary.__getitem__)).encode()
        np.savez(
            held,
            names=np.frombuffer(names, np.uint8),
            rarity=self.rarity,
            directions=self.directions.astype(np.float16),
        )
        return held.getvalue()

    @classmethod
    def unpack(cls, data: bytes) -> Latent:
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            names = json.loads(held["names"].tobytes())
            return cls(
                {name: at for at, name in enumerate(names)}, held["rarity"], held["directions"].astype(np.float32)
            )


def learn(texts: Sequence[Counter[str]], dims: int = DIMS) -> Latent | None:
    """None where the texts have too few words in common. The same texts always give the same model."""
    held = Counter(chain.from_iterable(texts))
    # What is nearly everywhere tells nothing apart.
    most = max(0.5 * len(texts), _LEAST_TEXTS)
    common = [word for word, count in held.most_common() if _LEAST_TEXTS <= count <= most][:MOST_WORDS]
    # Few texts fill few directions: more of them would tell each text from every other, and join none.
    dims = min(dims, max(len(texts) // 10, 2), len(common) // 3)
    if dims < 2:
        return None
    vocabulary = {word: at for at, word in enumerate(common)}
    rarity = np.log((1 + len(texts)) / (1 + np.array([held[word] for word in common], dtype=np.float32))) + 1
    rarity = rarity.astype(np.float32)
    table = _table(texts, vocabulary, rarity)
    directions = _strongest(table, table.turned(), dims)
    return Latent(vocabulary, rarity, directions)


def _strongest(table: Sparse, turned: Sparse, dims: int) -> Floats:
    """Columns: the directions, the strongest first."""
    chance = np.random.default_rng(_SEED)
    width = min(dims + _OVERSAMPLED, *(table.height, table.width))
    guess, _ = np.linalg.qr(chance.standard_normal((table.width, width)).astype(np.float32))
    for _ in range(_ROUNDS):
        seen, _ = np.linalg.qr(table.times(guess.astype(np.float32)))
        guess, _ = np.linalg.qr(turned.times(seen.astype(np.float32)))
    small = table.times(guess.astype(np.float32))
    _, _, rotation = np.linalg.svd(small, full_matrices=False)
    found: Floats = (guess @ rotation.T[:, :dims]).astype(np.float32)
    return found


def _table(texts: Iterable[Counter[str]], vocabulary: dict[str, int], rarity: Floats) -> Sparse:
    """Each text as weights of the words that it has, of length 1."""
    starts, columns, counts = [0], [], []
    for text in texts:
        for at, count in _known(text, vocabulary):
            columns.append(at)
            counts.append(count)
        starts.append(len(columns))
    places = np.array(columns, dtype=np.int64)
    values = ((1 + np.log(np.array(counts, dtype=np.float32))) * rarity[places] if columns else np.zeros(0)).astype(
        np.float32
    )
    begins = np.array(starts, dtype=np.int64)
    rows = np.repeat(np.arange(len(begins) - 1), np.diff(begins))
    lengths = np.sqrt(np.bincount(rows, weights=values * values, minlength=len(begins) - 1))
    lengths[lengths == 0] = 1
    return Sparse(begins, places, (values / lengths[rows]).astype(np.float32), len(vocabulary))


def _known(text: Counter[str], vocabulary: dict[str, int]) -> Iterator[tuple[int, int]]:
    return ((vocabulary[word], count) for word, count in text.items() if word in vocabulary)


def _of_length_1(rows: Any) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths < 1e-9] = 1
    found: Floats = (rows / lengths).astype(np.float32)
    return found
