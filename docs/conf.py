"""How Sphinx builds the documentation."""

import sys
from pathlib import Path

from sphinx.util import inspect

import boxloss
from boxloss import lab

DOCS = Path(__file__).parent
sys.path.append(str(DOCS))

import make_pictures  # noqa: E402

project = "boxloss"
author = "The boxloss developers"
copyright = f"2026, {author}"
version = release = boxloss.__version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"boxloss {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_mock_imports = ["torch"]  # for the signature of a module; the documentation is built without it
autodoc_typehints = "none"  # the docstrings say what types mean
numpydoc_show_class_members = False

# In docstrings, single backticks are links to what is documented here, and otherwise names of parameters.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:obj", r"[a-z_]+")]


def signature_of_a_loss(app, what, name, obj, options, signature, return_annotation):
    """The parameters of a loss, where autodoc would show those of `Loss.__new__`."""
    if what == "class" and issubclass(obj, boxloss.Loss):
        parameters = inspect.signature(obj.__init__, bound_method=True)
        return inspect.stringify_signature(parameters, show_annotation=False, show_return_annotation=False), None
    return None


def missing_pictures(app):
    """Make the pictures that are not there yet."""
    make_pictures.make(all_of_them=False)


def with_notebook(app, name, source):
    """End a page of which a notebook was made with a link to it."""
    notebook = DOCS / "_build" / "notebooks" / f"{name}.ipynb"
    if notebook.exists():
        source[0] += (
            f"\nThis page as a {{download}}`notebook <{notebook.relative_to(DOCS)}>`, which runs it in small.\n"
        )


def write_explorer(app, exception):
    """Put the page of `boxloss explore` beside the pages, for those that show it."""
    if exception is None and app.builder.format == "html":
        Path(app.outdir, "_static", "explorer.html").write_text(lab.explore(), encoding="utf-8")


def setup(app):
    """Register what is asked and done on the way."""
    app.connect("autodoc-process-signature", signature_of_a_loss)
    app.connect("builder-inited", missing_pictures)
    app.connect("source-read", with_notebook)
    app.connect("build-finished", write_explorer)
