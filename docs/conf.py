"""The site: `python -m sphinx -W -b html docs build/site`, with the extra `site`."""

import os
from importlib.metadata import version as installed

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
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["examples", "gallery/*.py", "gallery/README.rst"]
nitpicky = False

myst_enable_extensions = ["colon_fence", "dollarmath", "smartquotes"]
myst_heading_anchors = 3

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
    "subsection_order": ExplicitOrder(["gallery/qr", "gallery/low_rank", "gallery/networks"]),
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
linkcheck_ignore = [r"https?://.*"]  # offline: what lies in the site itself is checked by the build's warnings
