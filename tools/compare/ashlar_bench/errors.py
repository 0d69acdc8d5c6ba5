# SPDX-License-Identifier: MIT
"""The one exception that ends the program with a message and no trace."""


class Fault(Exception):
    """Something the user can mend; the text says what and how."""
