"""Count tokens as the project's model does, so that no chunk is longer than what the model reads.

The tokenizer's own file is read, never the model: counting needs no weights, and rendering only gets a function.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

Count = Callable[[Sequence[str]], Sequence[int]]

ESTIMATED_LIMIT = 240  # of a model whose tokenizer is not known; the smallest common one reads 256
TOKENS_PER_WORD = 1.3
CHARACTERS_PER_TOKEN = 3.5  # measured on technical Markdown with the default model; prose has 4.5
PORTION = 1_000_000  # characters that are counted at once
SPACED = 0x2E80  # from here on scripts do without blanks, and a sign is a token or more


@dataclass(frozen=True)
class Tokens:
    """How to count, and how many tokens of a text the model reads besides those it adds itself."""

    count: Count
    limit: int


def estimated(texts: Sequence[str]) -> list[int]:
    """About how many tokens a sentence model makes of each text."""
    return [_estimate(text) for text in texts]


ESTIMATED = Tokens(estimated, ESTIMATED_LIMIT)


def tokens_of(model: str, models_folder: Path) -> Tokens:
    """The counter of a project's model; an estimate for a plug-in's, and where no tokenizer lies beside the model."""
    from index.embed import PLUGINS
    from index.export import folder_name
    from index.sentence_model import model_source

    if entry_points(group=PLUGINS, name=model):
        return ESTIMATED
    prepared = models_folder / folder_name(model)
    for folder in (model_source(model), prepared):  # the model of today, not how it was prepared before
        about = _about(folder) if folder else None
        if folder and about and (folder / "tokenizer.json").is_file():
            return _counting(folder / "tokenizer.json", *about)
    return ESTIMATED


def _about(folder: Path) -> tuple[int, str] | None:
    """The tokens that a model reads, and the prompt that it reads before a document; None where nobody wrote that."""
    from index.sentence_model import prompts_of

    if (folder / "about.json").is_file():
        told = json.loads((folder / "about.json").read_text())
        return int(told["max_length"]), told.get("prompts", {}).get("document", "")
    if (folder / "sentence_bert_config.json").is_file():
        longest = json.loads((folder / "sentence_bert_config.json").read_text()).get("max_seq_length")
        return (int(longest), prompts_of(folder).document) if longest else None
    return None


def _counting(path: Path, longest: int, prompt: str) -> Tokens:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def count(texts: Sequence[str]) -> list[int]:
        return [
            len(one) for some in _portions(texts) for one in tokenizer.encode_batch_fast(some, add_special_tokens=False)
        ]

    return Tokens(count, longest - tokenizer.num_special_tokens_to_add(is_pair=False) - sum(count([prompt])))


def _portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in portions of bounded size: the tokenizer holds some hundred bytes for each token."""
    portion: list[str] = []
    size = 0
    for text in texts:
        if portion and size + len(text) > PORTION:
            yield portion
            portion, size = [], 0
        portion.append(text)
        size += len(text)
    if portion:
        yield portion


def _estimate(text: str) -> int:
    if text.isascii():
        return math.ceil(max(len(text.split()) * TOKENS_PER_WORD, len(text) / CHARACTERS_PER_TOKEN))
    unspaced = sum(1 for sign in text if ord(sign) >= SPACED)
    return math.ceil(max(len(re.findall(r"\S+", text)) * TOKENS_PER_WORD, (len(text) - unspaced) / 2) + unspaced)
