"""The colours: two themes of our own and two of Textual's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="rekall-dark",
    primary="#7aa2c8",
    secondary="#8fb3a5",
    accent="#d9a860",
    foreground="#d5d8dc",
    background="#16191d",
    surface="#16191d",
    panel="#1f242a",
    success="#8fb573",
    warning="#d9a860",
    error="#d0737b",
    dark=True,
    variables={
        "input-selection-background": "#7aa2c8 35%",
        "block-cursor-background": "#2c3742",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#232a31",
    },
)

LIGHT = Theme(
    name="rekall-light",
    primary="#2f6690",
    secondary="#3d7a68",
    accent="#9a6700",
    foreground="#24292f",
    background="#fbfbf9",
    surface="#fbfbf9",
    panel="#f0f0ec",
    success="#3f7d3a",
    warning="#9a6700",
    error="#b3343f",
    dark=False,
    variables={
        "input-selection-background": "#2f6690 25%",
        "block-cursor-background": "#dde6ed",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#ebebe6",
    },
)

THEMES = (DARK.name, LIGHT.name, "nord", "ansi-dark")
"""The themes the key cycles through; the last one uses the terminal's own colours."""


def theme_name(setting: str, environ: Mapping[str, str] = os.environ) -> str:
    """The theme for `ui.theme`. `auto` follows COLORFGBG, where some terminals put their background; else dark."""
    if setting == "auto":
        background = environ.get("COLORFGBG", "").rpartition(";")[2]
        return LIGHT.name if background in ("7", "15") else DARK.name
    return LIGHT.name if setting == "light" else DARK.name
