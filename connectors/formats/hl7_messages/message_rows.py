"""A row for each HL7 message: its header, its patient, and its whole text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl

from connectors.formats.edifact.segment_tables import Rows, Segment, text_size
from connectors.formats.hl7_messages.messages import Stray
from connectors.formats.tables import TEXT, Limits, Noticed, Piece, Table

HEADER = {  # the row's column, and the field and component of MSH
    "type": (9, 1), "trigger": (9, 2), "structure": (9, 3), "version": (12, 1), "sent_at": (7, 1),
    "sending_application": (3, 0), "sending_facility": (4, 0), "receiving_application": (5, 0),
    "receiving_facility": (6, 0), "processing": (11, 1), "character_set": (18, 0),
}  # fmt: skip
PATIENT = {  # of the message's first PID
    "patient_id": (3, 1), "patient_family_name": (5, 1), "patient_given_name": (5, 2), "patient_birth_date": (7, 1),
    "patient_sex": (8, 1),
}  # fmt: skip
SCHEMA = pl.Schema(
    {"message": pl.Int64(), "control_id": pl.String()}
    | dict.fromkeys([*HEADER, *PATIENT], pl.String())
    | {"segments": pl.Int64(), "text": pl.String()}
)
REJECT_SHOWN = 200  # characters of a record that is no row


def message_table(
    read: Callable[[], Iterator[Segment | Stray]], *, limits: Limits, meta: dict[str, Any], noticed: Sequence[Noticed]
) -> Table:
    """The table of messages. Segments outside a message are its rejects."""

    def pieces() -> Iterator[Piece]:
        rows, told = Rows(SCHEMA, limits), False
        for one in _messages(read(), most=limits.cell_bytes):
            if isinstance(one, Stray):
                rows.reject(one.position, one.reason, one.text[:REJECT_SHOWN])
            else:
                values = _row(one)
                rows.add(one[0].position, values, size=text_size(values))
            if rows.full:
                told = True
                yield rows.piece()
        if rows.rows or rows.rejects or not told:
            yield rows.piece()

    return Table("messages", SCHEMA, dict.fromkeys(SCHEMA, TEXT), pieces, meta, noticed)


def _messages(segments: Iterator[Segment | Stray], *, most: int) -> Iterator[list[Segment] | Stray]:
    """The segments of each message, batches' left out; a message of more than `most` characters is not held."""
    message: list[Segment] = []
    size = 0
    for one in segments:
        if isinstance(one, Stray):
            yield one
            continue
        if message and one.message != message[0].message:
            yield message if size <= most else _too_large(message[0], most)
            message, size = [], 0
        if one.message is not None:
            size += len(one.text)
            if size <= most or not message:
                message.append(one)
    if message:
        yield message if size <= most else _too_large(message[0], most)


def _too_large(header: Segment, most: int) -> Stray:
    return Stray(header.position, header.text, f"the message is longer than {most:,} characters")


def _row(message: Sequence[Segment]) -> dict[str, Any]:
    header = message[0]
    patient = next((segment for segment in message if segment.tag == "PID"), None)
    told = {name: _part(header, *place) for name, place in HEADER.items()}
    told |= {name: _part(patient, *place) if patient else None for name, place in PATIENT.items()}
    return told | {
        "message": header.message, "control_id": header.reference, "segments": len(message),
        "text": "\n".join(segment.text for segment in message),
    }  # fmt: skip


def _part(segment: Segment, number: int, part: int) -> str | None:
    """A field (part 0), or a component of its first repetition: of a composite one the first piece."""
    if not part:
        return segment.element(number)
    text = segment.elements[number - 1] if number <= len(segment.elements) else ""
    components = segment.separators.components(segment.separators.repetitions(text)[0])
    piece = components[part - 1] if part <= len(components) else ""
    return segment.separators.decoded(segment.separators.subcomponents(piece)[0]) or None
