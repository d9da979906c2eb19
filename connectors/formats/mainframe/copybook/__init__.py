"""Read a COBOL copybook: the items of a record, with their levels, pictures and clauses, each knowing its line.

`parsed` is the door. The language is that of data description entries in IBM Enterprise COBOL for z/OS, Language
Reference, with the wider usages (COMP-6, COMP-9) and the lenient habits of copybooks that other tools accept.
"""

from connectors.formats.mainframe.copybook.items import Condition, Copybook, Item
from connectors.formats.mainframe.copybook.parser import parsed

__all__ = ["Condition", "Copybook", "Item", "parsed"]
