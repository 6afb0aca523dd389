"""Regions and polling stations: codes, import, look-up."""
