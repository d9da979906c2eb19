"""Random sentence models of a few kilobytes, saved as sentence-transformers saves its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = ("the red wing of an aircraft flies north to boston and zürich again 7 ?").split()  # noqa: SIM905 - readable


def save_tiny_model(
    folder: Path, pooling: str = "mean", *, dense: bool = False, padding: int = 0, seed: int = 0, **more: Any
) -> Path:
    """Save a model with 32 dimensions, or 16 with `dense`; the folder. Texts are cut behind 48 tokens."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast, RobertaConfig, RobertaModel

    torch.manual_seed(seed)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    if padding:  # as RoBERTa has it, which also counts its positions from there
        vocabulary[0], vocabulary[padding] = vocabulary[padding], vocabulary[0]
    words = {word: number for number, word in enumerate(vocabulary)}
    inner = BertWordPieceTokenizer(words, lowercase=True)
    shape = {
        "vocab_size": len(words), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": 64, "pad_token_id": padding,
    }  # fmt: skip
    kind: Any = RobertaModel(RobertaConfig(**shape)) if padding else BertModel(BertConfig(**shape))
    parts = folder.with_name(f"{folder.name}-inner")
    kind.save_pretrained(parts)
    BertTokenizerFast(tokenizer_object=inner, model_max_length=48).save_pretrained(parts)
    first = Transformer(str(parts), max_seq_length=48)
    steps = [first, Pooling(32, pooling_mode=pooling), *([Dense(32, 16)] if dense else [])]
    SentenceTransformer(modules=steps, device="cpu", **more).save(str(folder))
    return folder
