"""Sphinx: `make docs`. Markdown by MyST; nothing is fetched from anywhere."""

from importlib.metadata import version as installed

project = "drf-lanyard"
author = "drf-lanyard contributors"
copyright = author
release = installed("drf-lanyard")
version = ".".join(release.split(".")[:2])

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "drf-lanyard"
html_copy_source = False
