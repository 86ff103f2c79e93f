"""What the plots share: colours, lines that need no colours, fonts for every script, a file."""

import importlib.util
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import font_manager
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

__all__ = ["BLUE", "GREEN", "ORANGE", "finish", "line_styles", "plt"]

# Okabe & Ito's colours, which colour-blind readers can tell apart; yellow is too pale for a line.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
_COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", "-.", ":")
_MARKERS = "osD^vP*Xh"
_FONT_PACKAGES = {"koreanize_matplotlib": "fonts/NanumGothic.ttf", "manimgx_fonts": "*.ttf"}


def line_styles(*, marked: bool = False) -> Any:
    """Keywords for one line after another, each different also in black and white.

    Lines between few points are to be `marked`: each has a marker of its own then.
    """
    dashes, markers = cycle(_DASHES), cycle(_MARKERS if marked else [""])
    return (
        {"color": colour, "linestyle": next(dashes), "marker": next(markers)}
        for colour in cycle(_COLOURS)
    )


def finish(figure: Figure, path: Path, *, title: str, grid: bool = True) -> None:
    """Title, grid, and the file: PNG, or what else its ending says (`.svg`, `.pdf`)."""
    for axis in figure.axes:
        if grid:
            axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _use_fonts_of_every_script() -> None:
    """Draw what matplotlib's own font lacks in those of the packages, as far as they are there."""
    families = []
    for package, pattern in _FONT_PACKAGES.items():
        found = importlib.util.find_spec(package)  # not imported: one of them changes settings then
        for folder in (found.submodule_search_locations or []) if found else []:
            for path in sorted(Path(folder).glob(pattern)):
                font_manager.fontManager.addfont(path)
                families.append(font_manager.FontProperties(fname=path).get_name())
    plt.rcParams["font.family"] = ["DejaVu Sans", *dict.fromkeys(families)]


_use_fonts_of_every_script()
