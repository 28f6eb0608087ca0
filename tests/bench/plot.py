"""The ratios of a run as a picture: how far each is from what was wanted, from the worst round to the best."""
import statistics

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402 pylint: disable=wrong-import-position

REACHED, MISSED, INK = "#2c7a7b", "#b7791f", "#2d3748"


def ratios(rows, path):
    """Writes an SVG. `rows`: (what, over what, wanted, the ratio of each round)."""
    plt.rcParams.update({"svg.hashsalt": "ratios", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9,
                         "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK})
    figure, axes = plt.subplots(figsize=(9, 0.5 * len(rows) + 1.2))
    for place, (what, base, wanted, values) in enumerate(reversed(rows)):
        middle, colour = statistics.median(values), REACHED if statistics.median(values) >= wanted else MISSED
        axes.barh(place, middle / wanted, height=0.55, color=colour)
        axes.plot([min(values) / wanted, max(values) / wanted], [place, place], color=INK, linewidth=1.2)
        axes.text(0.02, place, f"{middle:.2f} of {wanted:g} wanted", va="center", color="white")
    axes.axvline(1, color=INK, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(rows)), [f"{what}\n/ {base}" for what, base, _, _ in reversed(rows)])
    axes.set_xlabel("measured / wanted; the line goes from the worst round to the best")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
