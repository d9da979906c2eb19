"""Name a row, and know whether it still says what it said, without keeping any of its values.

Both names are keyed BLAKE2b hashes (RFC 7693) of 128 bits: equal in every run of a site, and nobody without the site's
mask key can find a value by guessing. What a person writes into a field that may not be told is sealed with AES-SIV
(RFC 5297), and ends with the key.
"""

from __future__ import annotations

import base64
import hashlib

import polars as pl

from catalog.models import Dataset
from pipelines.casting import as_text

UNREADABLE = "a value was sealed with another mask key"
_SEPARATOR = "\x1f"


def row_ids(rows: pl.DataFrame, dataset: Dataset, key: bytes) -> pl.Series:
    """A name for each row of a normalized frame: by its key, or by its place in the source where it has none."""
    place = pl.concat_str([pl.lit("place"), "_location", "_position"], separator=_SEPARATOR, ignore_nulls=True)
    named = pl.concat_str([pl.lit("key"), "_key"], separator=_SEPARATOR)  # null without a key
    texts = rows.select(pl.coalesce(named, place)).to_series()
    return _hashed(texts, f"row{_SEPARATOR}{dataset.name}", key).alias("id")


def contents(raw: pl.DataFrame, dataset: Dataset, key: bytes) -> pl.Series:
    """A mark of what each raw row says in the columns that the contract reads; it changes when one of them does."""
    names = sorted({field.physical_name for field in dataset.fields if field.combine is None} & set(raw.columns))
    columns = [as_text(raw.schema[name], pl.col(name)).alias(name) for name in names]
    told = raw.select(pl.struct(columns).struct.json_encode()).to_series() if names else pl.Series([""] * raw.height)
    return _hashed(told, f"content{_SEPARATOR}{dataset.name}", key).alias("taken")


def key_mark(key: bytes) -> str:
    """A name for the mask key itself, to tell what was made with another one."""
    return _digest("the mask key", "mark", key)


def sealed(value: str, *, about: str, key: bytes) -> str:
    """A value that only the holder of the mask key can read, bound to what it is `about`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    made = AESSIV(_sealing_key(key)).encrypt(value.encode(), [about.encode()])
    return base64.b64encode(made).decode()


def unsealed(text: str, *, about: str, key: bytes) -> str:
    """What `sealed` hid. ValueError where the key is another one or the text was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    try:
        return AESSIV(_sealing_key(key)).decrypt(base64.b64decode(text), [about.encode()]).decode()
    except InvalidTag as error:
        raise ValueError(UNREADABLE) from error


def _sealing_key(key: bytes) -> bytes:
    return hashlib.blake2b(b"values of decisions", digest_size=64, key=key[:64]).digest()


def _hashed(texts: pl.Series, what: str, key: bytes) -> pl.Series:
    # a loop over rows, and only over those in quarantine or decided: Polars has no keyed cryptographic hash
    return pl.Series([_digest(text, what, key) for text in texts.to_list()], dtype=pl.String)


def _digest(text: str, what: str, key: bytes) -> str:
    return hashlib.blake2b(f"{what}{_SEPARATOR}{text}".encode(), digest_size=16, key=key[:64]).hexdigest()
