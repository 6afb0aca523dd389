"""Sums over stations, kept in step with the decisions."""
