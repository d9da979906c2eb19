"""What we know: sources, contracts and policies of a project folder, loaded and linked with `load_project`."""

from catalog.access import may_see
from catalog.errors import LandbridgeError, Problem, ProjectError, SecretUnresolved
from catalog.home import Home
from catalog.loader import load_project
from catalog.models import Classification, Dataset, Field, Policy, Principal, Project, Source

__all__ = [
    "Classification",
    "Dataset",
    "Field",
    "Home",
    "LandbridgeError",
    "Policy",
    "Principal",
    "Problem",
    "Project",
    "ProjectError",
    "SecretUnresolved",
    "Source",
    "load_project",
    "may_see",
]
