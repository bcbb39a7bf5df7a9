"""Configuration of Sphinx."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

project = "Vitalyst Knowledge Graph"
author = "The Vitalyst developers"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "alabaster"
html_theme_options = {"description": "Foods, nutrients, compounds, and what relates them"}

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
