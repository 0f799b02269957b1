"""Draws the curves of a calibration: missed against false alarms, the scores, and the threshold for a rate."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from receiver.domain.evaluation import AtRate, Scores
from receiver.domain.intervals import Share

# Okabe and Ito's colours, which colour-blind people tell apart; known people are always blue, strangers orange.
KNOWN, STRANGER, NOW, FAINT, INK = "#0072B2", "#D55E00", "#000000", "#D9DDE3", "#222B36"
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 11,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.labelsize": 11,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#8A94A3",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E8EBEF",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
}
INCHES, DOTS = (12.0, 10.5), 130
BINS = 45


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What is drawn.

    Attributes:
        points: FNIR at rising rates of FPIR, at least two.
        threshold: the one in force; None if none is.
        fpir: strangers accepted there.
        fnir: known people's pictures missed there.
        known: every known picture's score against its own person.
        strangers: every stranger's lowest score against anybody.
        who: who the strangers are, in words.
        unit: what a score is, for the axis.
        accepted: the rate that the site accepts.
        shown_from: the lowest rate that so many strangers can show.
    """

    points: Sequence[AtRate]
    threshold: float | None
    fpir: Share
    fnir: Share
    known: Scores
    strangers: Scores
    who: str
    unit: str
    accepted: float
    shown_from: float


def draw(drawing: Drawing) -> bytes:
    """The curves as a PNG, 1560 by 1365 pixels."""
    with rc_context(STYLE):
        layout = ConstrainedLayoutEngine(h_pad=0.14, w_pad=0.14)
        figure = Figure(figsize=INCHES, dpi=DOTS, layout=layout, facecolor="white")
        grid = figure.add_gridspec(2, 2, height_ratios=(1.15, 1))
        _missed_against_alarms(figure.add_subplot(grid[0, :]), drawing)
        _scores(figure.add_subplot(grid[1, 0]), drawing)
        _thresholds(figure.add_subplot(grid[1, 1]), drawing)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _missed_against_alarms(axes: Axes, drawing: Drawing) -> None:
    rates = [point.rate for point in drawing.points]
    missed = [point.fnir for point in drawing.points]
    axes.fill_between(
        rates,
        [share.low for share in missed],
        [share.high for share in missed],
        step="post",
        color=KNOWN,
        alpha=0.16,
        linewidth=0,
        label="95 % interval",
    )
    axes.step(rates, [share.value for share in missed], where="post", color=KNOWN, linewidth=2.2, label="measured")
    if drawing.threshold is not None:
        _mark_now(axes, drawing)
    _rate_axis(axes, rates, drawing)
    axes.axvline(drawing.accepted, color=STRANGER, linewidth=1.2, linestyle=(0, (1, 2)), label="accepted rate")
    axes.set_title("Known people missed, against strangers called by a name")
    axes.set_ylabel("Known people's pictures missed (FNIR)")
    top = max((share.high for share in missed if share.high < 1), default=1.0)
    axes.set_ylim(0, min(1.0, max(1.15 * top, 0.05)))
    axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.legend(loc="upper right", frameon=True, framealpha=0.92, edgecolor="none", facecolor="white")


def _mark_now(axes: Axes, drawing: Drawing) -> None:
    """The operating point with both intervals; what lies left of the axis is drawn at its edge."""
    left = drawing.points[0].rate
    x, y = max(drawing.fpir.value, left), drawing.fnir.value
    axes.errorbar(
        x,
        y,
        xerr=[[x - max(min(drawing.fpir.low, x), left)], [max(drawing.fpir.high - x, 0)]],
        yerr=[[y - drawing.fnir.low], [drawing.fnir.high - y]],
        fmt="o",
        color=NOW,
        markersize=8,
        elinewidth=1.4,
        capsize=4,
        zorder=5,
        label=f"in force, threshold {drawing.threshold:.3f}",
    )


def _rate_axis(axes: Axes, rates: Sequence[float], drawing: Drawing) -> None:
    """FPIR in percent on a logarithmic scale; what so few strangers cannot show is shaded."""
    axes.set_xscale("log")
    axes.set_xlim(rates[0], rates[-1])
    ticks = [rate for rate in (1e-5, 1e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if _within(rate, rates)]
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _place: f"{100 * rate:g} %"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.grid(visible=False, which="minor")
    axes.set_xlabel(f"{drawing.who} called by a name (FPIR, logarithmic scale)")
    if drawing.shown_from > rates[0]:
        edge = min(drawing.shown_from, rates[-1])
        axes.axvspan(rates[0], edge, color=FAINT, alpha=0.55, linewidth=0, zorder=0)
        axes.text(
            math.sqrt(rates[0] * edge),
            0.97,
            "too few to tell",
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=10,
            color="#5A6473",
        )


def _within(rate: float, rates: Sequence[float]) -> bool:
    return rates[0] * 0.999 <= rate <= rates[-1] * 1.001


def _scores(axes: Axes, drawing: Drawing) -> None:
    known, strangers = (each[np.isfinite(each)] for each in (drawing.known, drawing.strangers))
    both = np.concatenate([known, strangers])
    edges = np.linspace(float(both.min()) - 0.01, float(both.max()) + 0.01, BINS + 1).tolist()
    for values, colour, label in (
        (known, KNOWN, "known, against their own person"),
        (strangers, STRANGER, "strangers, against the nearest"),
    ):
        if len(values):
            weights = np.full(len(values), 1 / len(values))
            axes.hist(values, edges, weights=weights, color=colour, alpha=0.6, label=f"{label}: {len(values)}")
    if drawing.threshold is not None and math.isfinite(drawing.threshold):
        axes.axvline(drawing.threshold, color=NOW, linewidth=1.4, linestyle=(0, (4, 3)), label="threshold in force")
    axes.set_title("Scores")
    axes.set_xlabel(drawing.unit)
    axes.set_ylabel("Share of pictures")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.38)  # room for the legend
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.legend(loc="upper left", handlelength=1.4, frameon=True, framealpha=0.92, edgecolor="none", facecolor="white")


def _thresholds(axes: Axes, drawing: Drawing) -> None:
    told = [point for point in drawing.points if math.isfinite(point.threshold)]
    rates = [point.rate for point in drawing.points]
    axes.step([each.rate for each in told], [each.threshold for each in told], where="post", color=STRANGER, lw=2.2)
    if drawing.threshold is not None and math.isfinite(drawing.threshold):
        axes.axhline(drawing.threshold, color=NOW, linewidth=1.4, linestyle=(0, (4, 3)))
        axes.legend(
            [Line2D([], [], color=NOW, linewidth=1.4, linestyle=(0, (4, 3)))], ["threshold in force"], loc="lower right"
        )
    _rate_axis(axes, rates, drawing)
    axes.set_title("Threshold for a rate of false alarms")
    axes.set_ylabel("Threshold (a score)")
