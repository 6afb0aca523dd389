"""Trained models and their cards, shipped as package data: ``<name>-<rev>.onnx`` beside ``<name>-<rev>.toml``."""
