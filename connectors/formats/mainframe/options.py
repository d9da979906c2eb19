"""What may be declared about a mainframe file: its copybook, how records and values are written, its segments.

Names and meanings follow Cobrix, the COBOL data source for Spark, so that a declaration can be taken over; its other
spellings (`redefine-segment-id-map:0`, `segment_id_level1`, `field_code_page:cp273`) are understood as well.
docs/formats/mainframe.md tells them all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connectors.formats.mainframe.fields import FloatFormat, Reading, Trimming
from connectors.formats.tables import FormatOptions

RecordFormat = Literal["F", "FB", "V", "VB", "D", "D2", "T"]
VariableOccurs = Literal["max_size", "shift_record", "pad_record"]
Debug = Literal["none", "hex", "raw", "string"]

TEXT_FORMATS = ("D", "D2", "T")
RENAMED = {  # what Cobrix calls by another name as well
    "copybook_contents": "copybook_text",
    "segment_id_root": "segment_id_level0",
    "file_header_field": "record_header_name",
    "file_trailer_field": "record_trailer_name",
    "occurs_mapping": "occurs_mappings",
    "comments_lbound": "comment_lower_limit",
    "comments_ubound": "comment_upper_limit",
}
WITHOUT_EFFECT = {  # what Cobrix is told about its own work, not about the file
    "pedantic", "enable_indexes", "enable_index_cache", "input_split_records", "input_split_size_mb",
    "improve_locality", "optimize_allocation", "metadata", "debug_layout_positions", "enable_self_checks",
}  # fmt: skip
NUMBERED = re.compile(r"(redefine_segment_id_map|segment_children):(\d+)")
LEVEL = re.compile(r"segment_id_level(\d+)")
CODE_PAGE = re.compile(r"field_code_page:(.+)", re.IGNORECASE)


def _listed(value: object) -> object:
    """`A,B` as a list, as Cobrix writes lists."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _one_or_more(value: object) -> object:
    """A single text as a list of one."""
    return [value] if isinstance(value, str) else value


def _mapping(value: object) -> object:
    """A JSON text as what it says."""
    return json.loads(value) if isinstance(value, str) and value.strip().startswith("{") else value


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _occurs(value: object) -> object:
    """`true` and `false` as Cobrix means them."""
    return {"true": "shift_record", "false": "max_size"}.get(str(value).lower(), value)


def _debug(value: object) -> object:
    """`true` means hexadecimal."""
    return {"true": "hex", "false": "none", "binary": "raw"}.get(str(value).lower(), value)


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]
Count = Annotated[int, Field(ge=0)]
Character = Annotated[str, Field(min_length=1, max_length=1)]


class RecordHeader(BaseModel):
    """A header of one's own before each record: where the length stands, and which byte says that the record counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=1, le=256)
    length_at: Count
    length_bytes: int = Field(2, ge=1, le=4)
    big_endian: bool = True
    valid_at: int | None = None  # None: every record counts
    valid_value: int = 1


class Options(FormatOptions):
    """Options of a mainframe file."""

    copybook: Texts = ()  # paths; several copybooks describe the same bytes in different ways
    copybook_text: Texts = ()  # the copybooks themselves, instead of `copybook`
    copies: dict[str, str] = Field(default_factory=dict)  # COPY name: path of what it copies
    comment_lower_limit: int | None = None  # columns before the text of a line; None: found out (6, or 0 in free form)
    comment_upper_limit: int | None = None  # last column of the text; None: 72, or none in free form
    truncate_comments: bool = True

    record_format: RecordFormat = "F"
    record_length: int | str | None = None
    record_length_field: str = ""  # a field, or an expression of fields: `LEN + 4`
    record_length_map: Annotated[dict[str, int], BeforeValidator(_mapping)] = Field(default_factory=dict)
    is_rdw_big_endian: bool = False
    is_bdw_big_endian: bool = False
    is_rdw_part_of_record_length: bool = False
    rdw_adjustment: int = 0
    bdw_adjustment: int = 0
    block_length: int | None = Field(None, ge=1)
    records_per_block: int | None = Field(None, ge=1)
    record_header: RecordHeader | None = None
    record_start_offset: Count = 0
    record_end_offset: Count = 0
    file_start_offset: Count = 0
    file_end_offset: Count = 0
    file_header_length: Count = 0
    file_trailer_length: Count = 0
    record_header_name: str = ""
    record_trailer_name: str = ""
    minimum_record_length: Count = 1
    maximum_record_length: int | None = None
    allow_partial_records: bool = False

    encoding: Annotated[Literal["ebcdic", "ascii"] | None, BeforeValidator(_lowered)] = (
        None  # None: ebcdic; text: ascii
    )
    ebcdic_code_page: str = "common"  # what all EBCDIC pages share; other characters become blanks, and are counted
    code_page_changes: dict[int, Character] = Field(default_factory=dict)  # by byte, over the page
    ascii_charset: str = "utf-8"
    field_code_page: dict[str, Names] = Field(default_factory=dict)
    string_trimming_policy: Trimming = "both"
    is_utf16_big_endian: bool = True
    floating_point_format: Annotated[FloatFormat, BeforeValidator(_lowered)] = "ibm"
    improved_null_detection: bool = True
    strict_sign_overpunching: bool = True
    strict_integral_precision: bool = False
    decimal_comma: bool = False

    variable_size_occurs: Annotated[VariableOccurs, BeforeValidator(_occurs)] = "max_size"
    occurs_mappings: Annotated[dict[str, dict[str, int]], BeforeValidator(_mapping)] = Field(default_factory=dict)
    synchronized: bool = False  # SYNC makes slack bytes
    schema_retention_policy: Literal["collapse_root", "keep_original"] = "collapse_root"
    drop_group_fillers: bool = False
    drop_value_fillers: bool = True
    filler_naming_policy: Literal["sequence_numbers", "previous_field_name"] = "sequence_numbers"
    non_terminals: Names = ()
    debug: Annotated[Debug, BeforeValidator(_debug)] = "none"

    segment_field: str = ""
    segment_filter: Names = ()
    redefine_segment_id_map: dict[str, Names] = Field(default_factory=dict)
    segment_children: dict[str, Names] = Field(default_factory=dict)
    segment_id_levels: tuple[Names, ...] = ()
    segment_id_prefix: str = "ID"
    generate_record_id: bool = False
    generate_record_bytes: bool = False
    file_id: int = 0

    @model_validator(mode="before")
    @classmethod
    def _as_cobrix_spells(cls, given: Any) -> Any:
        """The options with Cobrix's other spellings put right."""
        return _respelled(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _consistent(self) -> Options:
        """Refuse what contradicts itself, before any file is read."""
        if self.copybook and self.copybook_text:
            raise ValueError("give `copybook` or `copybook_text`, not both")
        if self.block_length and self.records_per_block:
            raise ValueError("give `block_length` or `records_per_block`, not both")
        if (self.segment_children or self.segment_id_levels or self.segment_filter) and not self.segment_field:
            raise ValueError("segments need `segment_field`")
        if self.redefine_segment_id_map and not self.segment_field:
            raise ValueError("`redefine_segment_id_map` needs `segment_field`")
        if self.segment_children and not self.redefine_segment_id_map:
            raise ValueError("`segment_children` needs `redefine_segment_id_map`")
        if self.segment_children and (self.segment_id_levels or self.generate_record_bytes or self.segment_filter):
            raise ValueError("`segment_children` gives nested rows: no segment ids, filter or record bytes beside it")
        return self

    @property
    def is_text(self) -> bool:
        """Whether records are lines."""
        return self.record_format in TEXT_FORMATS

    @property
    def is_ebcdic(self) -> bool:
        """Whether text is EBCDIC: it is, unless declared otherwise, but in files of lines."""
        return not self.is_text if self.encoding is None else self.encoding == "ebcdic"

    def reading(self) -> Reading:
        """How values are written."""
        return Reading(
            encoding="ebcdic" if self.is_ebcdic else "ascii",
            code_page=self.ebcdic_code_page,
            code_page_changes=tuple(self.code_page_changes.items()),
            ascii_charset=self.ascii_charset,
            trimming=self.string_trimming_policy,
            float_format=self.floating_point_format,
            national_big_endian=self.is_utf16_big_endian,
            strict_sign=self.strict_sign_overpunching,
            null_low_values=self.improved_null_detection,
            decimal_comma=self.decimal_comma,
        )


def _respelled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Numbered and dashed spellings as the fields of Options."""
    told: dict[str, Any] = {}
    levels: dict[int, Any] = {}
    for key, value in given.items():
        page = CODE_PAGE.fullmatch(key.replace("-", "_", 2))
        name = key.replace("-", "_")
        name = RENAMED.get(name, name)
        if name in WITHOUT_EFFECT:
            continue
        if numbered := NUMBERED.fullmatch(name):
            left, _, right = str(value).partition("=>")
            group = told.setdefault(numbered[1], {})
            group[left.strip()] = ",".join(filter(None, (group.get(left.strip()), right.strip())))
        elif page is not None:
            told.setdefault("field_code_page", {})[key.partition(":")[2].strip()] = value
        elif level := LEVEL.fullmatch(name):
            levels[int(level[1])] = value
        elif key == "copybooks":
            told["copybook"] = _listed(value)
        elif name == "is_text":
            told.setdefault("record_format", "D" if str(value).lower() == "true" else "F")
        elif name == "is_record_sequence":
            told.setdefault("record_format", "V" if str(value).lower() == "true" else "F")
        else:
            told[name] = value
    if levels:
        told["segment_id_levels"] = [levels.get(level, "") for level in range(max(levels) + 1)]
    return told
