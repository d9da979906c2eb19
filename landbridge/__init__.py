"""Landbridge makes enterprise data ready for agents: the public names of the package.

`load_project` reads a project folder; everything else is reached through the command line, the HTTP API or MCP.
"""

from catalog import load_project
from catalog.errors import LandbridgeError, ProjectError

__all__ = ["LandbridgeError", "ProjectError", "__version__", "load_project"]

__version__ = "0.1.0"
