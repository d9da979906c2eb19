"""What messages spell wrongly, counted by kind."""

from __future__ import annotations

from collections import Counter

from connectors.formats.tables import Noticed

KINDS = {
    "charset-unknown": "texts name a character set that is not known; they were read as what their bytes are likest",
    "charset-differs": "texts are not of the character set they name; what is no text became a replacement character",
    "charset-missing": "texts name no character set; they were read as what their bytes are likest",
    "date-unreadable": "dates cannot be read; they are kept as text, and `sent_at` is empty",
    "address-unreadable": "senders' addresses cannot be read; they are kept as text, and `from_address` is empty",
    "header-repeated": "headers that may stand once stand more than once; the first counts, `headers` has all",
    "attachment-path": "attachments are named with a path; the path was left off",
    "structure-broken": "messages are not built as MIME wants it, such as one that is cut; some text may be missing",
    "message-embedded": "messages lie in other messages; they are told as attachments",
}


class Oddities(Counter[str]):
    """Counts by kind."""

    def taken(self) -> list[Noticed]:
        """What was counted since the last time."""
        told = [
            Noticed(kind, message, "info" if kind == "message-embedded" else "warning", self[kind], "texts")
            for kind, message in KINDS.items()
            if self[kind]
        ]
        self.clear()
        return told
