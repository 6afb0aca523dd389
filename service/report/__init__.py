"""Readings for people: words, overlay pictures and the HTML report."""
