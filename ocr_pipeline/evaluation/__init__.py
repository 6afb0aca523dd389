"""Labelled data, metrics and reports."""
