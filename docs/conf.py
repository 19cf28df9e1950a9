"""The site: `python -m sphinx -W -b html docs build/site`, with the extra `site`."""

import importlib
import os
import re
import subprocess
import sys
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path

from sphinx.ext.autodoc.mock import mock
from sphinx_gallery.sorting import ExplicitOrder

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))
from bench.machine import machine_line  # noqa: E402, its folder is not installed

project = "rrqr_lapack"
author = "The rrqr_lapack developers"
copyright = "the rrqr_lapack developers, BSD-3-Clause"
release = version = installed("rrqr-lapack")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",  # formulas are drawn without a network
]
exclude_patterns = ["examples", "gallery"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "dollarmath", "smartquotes"]
myst_heading_anchors = 3

templates_path = ["templates"]
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections name them, with shapes
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# offline builds have no inventories: with SITE_OFFLINE nothing is fetched
intersphinx_mapping = (
    {}
    if os.environ.get("SITE_OFFLINE")
    else {
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }
)

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"plot_",
    "ignore_pattern": r"(measured|page_table)\.py",  # what the examples share
    "subsection_order": ExplicitOrder(["gallery/qr", "gallery/low_rank", "gallery/networks", "gallery/course"]),
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("rrqr_lapack",),
    "backreferences_dir": "auto_gallery/backreferences",
    "reference_url": {"rrqr_lapack": None},
    "remove_config_comments": True,
    "show_memory": False,
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "min_reported_time": 5,
}

html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = "rrqr_lapack"
html_show_sourcelink = False
describe = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"]
commit = subprocess.run(describe, capture_output=True, text=True).stdout.strip()
html_context = {"built": f"Built from commit {commit or 'unknown'}; {machine_line()}"}
html_theme_options = {
    "github_url": "https://github.com/rrqr-lapack/rrqr_lapack",
    "navbar_align": "left",
    "show_toc_level": 2,
    "header_links_before_dropdown": 5,
    "footer_start": ["copyright"],
    "footer_end": ["built"],
    "navigation_with_keys": False,
}


def reference():
    """The page of every public name: those of `rrqr_lapack` by the topics of its docstring, then its modules'."""
    package = importlib.import_module("rrqr_lapack")
    lines = ["API", "===", "", "Every public name. Modules with an underscore are private.", ""]

    def section(title, module, names):
        lines.extend([title, "-" * len(title), "", f".. currentmodule:: {module}", ""])
        lines.extend([".. autosummary::", "   :toctree: api", ""])
        lines.extend([*(f"   {name}" for name in names), ""])

    topics = re.findall(r"^(\S.*)\n((?: {4}.*\n)+)", package.__doc__.split("\n", 1)[1], re.MULTILINE)
    for title, names in topics:
        if title != "in modules of their own":
            section(title[0].upper() + title[1:], "rrqr_lapack", re.findall(r"\w+", names))
    for name in ("interpolative", "prune", "sklearn", "dask", "prune.torch"):
        with mock(["torch"] if name == "prune.torch" and not find_spec("torch") else []):  # for signatures it will do
            module = importlib.import_module(f"rrqr_lapack.{name}")
        section(module.__name__, module.__name__, module.__all__)
    Path(__file__).with_name("api.rst").write_text("\n".join(lines), encoding="utf-8")


reference()
