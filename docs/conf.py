"""How Sphinx builds the documentation."""

import boxloss

project = "boxloss"
author = "The boxloss developers"
copyright = f"2026, {author}"
version = release = boxloss.__version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"boxloss {release}"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_mock_imports = ["torch"]  # for the signature of a module; the documentation is built without it
autodoc_typehints = "none"  # the docstrings say what types mean
numpydoc_show_class_members = False

# In docstrings, single backticks are links to what is documented here, and otherwise names of parameters.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:obj", r"[a-z_]+")]
