"""Rekall, a developer's local memory."""

from rekall.app import load_encoder

__all__ = ["load_encoder"]
