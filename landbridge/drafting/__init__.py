"""Draft a project folder from what a database declares and holds, and later propose what has changed.

`proposing.propose` reads and compares, `writing.write` writes. An owner's words are never overwritten.
"""
