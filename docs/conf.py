# SPDX-License-Identifier: MIT
"""How Sphinx makes the documentation: `make docs`. Pages are Markdown; those that end in .py are run while it is built."""

import importlib.metadata

project = "omfiles"
author = "The omfiles developers"
copyright = "The omfiles developers"
version = release = importlib.metadata.version("omfiles")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["conf.py"]
default_role = "py:obj"  # of names in single backticks in docstrings
html_theme = "furo"
html_title = "omfiles"
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing"]

# Pages in Python are scripts of cells ("# %%"). Those that fail end the build.
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
