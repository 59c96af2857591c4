"""The documentation as a web site; needs nothing from the network.

python -m sphinx -W docs site
"""

import shutil
from pathlib import Path

from avae_jax import __version__

project = "avae_jax"
copyright = "The avae_jax authors"
release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"avae_jax {release}"
html_copy_source = False
html_show_sphinx = False

# Sphinx reads its own folder only.
HERE = Path(__file__).resolve().parent
shutil.copytree(HERE.parent / "notebooks", HERE / "start" / "notebooks", dirs_exist_ok=True)
# Notebooks are shown with the outputs that they are committed with.
nb_execution_mode = "off"

# Headings are linked to as GitHub names them; links within pages and to files are checked.
myst_heading_anchors = 3
nitpicky = False

# Docstrings put code in single backquotes, as the pages do.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
