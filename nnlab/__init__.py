"""Trains populations of small neural networks and compares the fixes for over-fitting."""

__version__ = "0.1.0"
