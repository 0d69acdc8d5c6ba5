# SPDX-License-Identifier: MIT
"""Sphinx's settings. The version is the top makefile's; what is read from the
sources at build time is read by ext/sources.py."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, 'ext'))

with open(os.path.join(HERE, '../Makefile')) as makefile:
    release = re.search(r'^VERSION\s*:=\s*(\S+)', makefile.read(), re.M)[1]

project = 'Ashlar'
author = copyright = 'the Ashlar authors'
version = release
extensions = ['sources']
exclude_patterns = ['ABI', 'ext', 'man']
language = 'en'
highlight_language = 'none'
nitpicky = True
html_theme = 'alabaster'
html_theme_options = {'description': 'a memory allocator and huge pages '
                                     'zeroed ahead of need',
                      'page_width': '1080px', 'fixed_sidebar': True}
html_show_sourcelink = False
html_copy_source = False
