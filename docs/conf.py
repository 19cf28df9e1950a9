"""The site: `python -m sphinx -W -b html docs build/site`, with the extra `site`."""

import importlib
import os
import re
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path

from sphinx.ext.autodoc.mock import mock
from sphinx_gallery.sorting import ExplicitOrder

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
autodoc_mock_imports = [] if find_spec("torch") else ["torch"]  # for signatures and docstrings an empty one will do
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
    "ignore_pattern": r"measured\.py",  # what the examples share
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
html_theme_options = {
    "github_url": "https://github.com/rrqr-lapack/rrqr_lapack",
    "navbar_align": "left",
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
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
            section(title.capitalize(), "rrqr_lapack", re.findall(r"\w+", names))
    with mock(autodoc_mock_imports):
        for name in ("interpolative", "prune", "prune.torch", "sklearn", "dask"):
            module = importlib.import_module(f"rrqr_lapack.{name}")
            section(module.__name__, module.__name__, module.__all__)
    Path(__file__).with_name("api.rst").write_text("\n".join(lines), encoding="utf-8")


reference()
