"""Draws a form definition, fills it by hand, and photographs it."""
