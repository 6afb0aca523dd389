"""Turus' reader: from a photo of a tally form to numbers, each with how sure it is.

Pure: it reads no database, no network and no environment variable. Importing this package alone loads nothing heavy.
"""

__version__ = "0.1.0"
