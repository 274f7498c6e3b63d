"""Pictures: pure functions from data to matplotlib axes, for evaluations and for `segue view`.

Each takes `axes=None` and makes a `matplotlib.figure.Figure` of its own when none are given. No
pyplot, so no back end is chosen, nothing is kept alive, and the global style stays as it was. In a
notebook, `axes.figure` shows the picture; anywhere, `axes.figure.savefig("picture.png")` keeps it.
"""

from segue.plots.charts import (
    plot_calibration,
    plot_confusion,
    plot_coverage,
    plot_curve,
    plot_history,
    plot_learning_rates,
    plot_lines,
    plot_perplexity,
    plot_plane,
    plot_predictions,
    plot_thresholds,
)
from segue.plots.display import DRAWINGS, Display, draw_sequence, draw_text
from segue.plots.explanations import (
    plot_anytime,
    plot_attribution,
    plot_gates,
    plot_surprise,
    plot_words,
)
from segue.plots.sequences import (
    class_counts,
    draw_row,
    examples,
    overview,
    plot_answers,
    plot_class_balance,
    plot_clip,
    plot_lengths,
    plot_mistakes,
    plot_sequences,
    plot_step_labels,
)
from segue.plots.style import PALETTE, STYLE, AxesArray, strip

__all__ = [
    "DRAWINGS",
    "PALETTE",
    "STYLE",
    "AxesArray",
    "Display",
    "class_counts",
    "draw_row",
    "draw_sequence",
    "draw_text",
    "examples",
    "overview",
    "plot_answers",
    "plot_anytime",
    "plot_attribution",
    "plot_calibration",
    "plot_class_balance",
    "plot_clip",
    "plot_confusion",
    "plot_coverage",
    "plot_curve",
    "plot_gates",
    "plot_history",
    "plot_learning_rates",
    "plot_lengths",
    "plot_lines",
    "plot_mistakes",
    "plot_perplexity",
    "plot_plane",
    "plot_predictions",
    "plot_sequences",
    "plot_step_labels",
    "plot_surprise",
    "plot_thresholds",
    "plot_words",
    "strip",
]
