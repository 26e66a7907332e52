"""Plots as SVG text: a bar chart and a line chart. No dependency.

A plot brings its own background, so it reads well on a light and on a dark page, whichever theme the reader chose.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

WIDTH = 760
_PALETTE = ("#2f6fde", "#d9622b", "#2b9a66", "#a04bc4", "#b58900", "#c8385a", "#5b7083", "#0d98a8")
_STYLE = """
  .card { fill: #ffffff; stroke: #d8dce2 }
  text { fill: #24292f; font: 13px system-ui, -apple-system, "Segoe UI", sans-serif }
  .title { font-weight: 600; font-size: 15px }
  .faint { fill: #57606a; font-size: 12px }
  .grid { stroke: #e4e7eb; stroke-width: 1 }
  .axis { stroke: #8b949e; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #16191d; stroke: #353b43 }
    text { fill: #e6e9ed }
    .faint { fill: #a3acb7 }
    .grid { stroke: #2a3037 }
  }
"""

Row = tuple[str, float] | tuple[str, float, bool]
Points = Sequence[tuple[float, float]]


def bars(title: str, unit: str, rows: Iterable[Row]) -> str:
    """Horizontal bars, one per (label, value) or (label, value, highlighted); the value is written beside its bar.

    `unit` is written after each value. Negative values (noise) are drawn as none, and written as they are.
    """
    given = [(row[0], float(row[1]), len(row) > 2 and bool(row[2])) for row in rows]
    left = 24 + max((_width_of(label) for label, _, _ in given), default=0)
    right = 24 + max((_width_of(f"{_number(value)} {unit}") for _, value, _ in given), default=0)
    room = WIDTH - left - right - 16
    most = max((value for _, value, _ in given), default=0) or 1.0
    parts, y = [], 58.0
    for label, value, highlighted in given:
        length = max(room * value / most, 1.0) if value > 0 else 0.0
        colour = _PALETTE[1] if highlighted else _PALETTE[0]
        parts.append(f'<text x="{left}" y="{y + 14:.0f}" text-anchor="end">{escape(label)}</text>')
        parts.append(f'<rect x="{left + 8}" y="{y:.0f}" width="{length:.1f}" height="19" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{left + 16 + length:.1f}" y="{y + 14:.0f}">{_number(value)} {escape(unit)}</text>')
        y += 27
    return _document(title, y + 12, parts)


def lines(
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, Points],
    *,
    log_x: bool = False,
    log_y: bool = False,
) -> str:
    """One line with marks per name in `series`, which holds (x, y) points. Logarithmic axes leave out what is <= 0."""
    kept = {
        name: [(x, y) for x, y in points if (x > 0 or not log_x) and (y > 0 or not log_y)]
        for name, points in series.items()
    }
    left, top, height = 78, 66, 280
    right_edge, bottom = WIDTH - 44, top + height
    x_ticks = _ticks([x for points in kept.values() for x, _ in points], log_x, zero=False)
    y_ticks = _ticks([y for points in kept.values() for _, y in points], log_y, zero=True)
    x_at = _scale(x_ticks, log_x, left, right_edge)
    y_at = _scale(y_ticks, log_y, bottom, top)
    parts = [f'<text class="faint" x="{left}" y="{top - 10}">{escape(y_label)}</text>']
    for tick in y_ticks:
        y = y_at(tick)
        parts.append(f'<line class="grid" x1="{left}" x2="{right_edge}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="faint" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    for tick in x_ticks:
        x = x_at(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(f'<text class="faint" x="{x:.1f}" y="{bottom + 19}" text-anchor="middle">{_number(tick)}</text>')
    parts.append(f'<line class="axis" x1="{left}" x2="{right_edge}" y1="{bottom}" y2="{bottom}"/>')
    middle = (left + right_edge) / 2
    parts.append(
        f'<text class="faint" x="{middle:.0f}" y="{bottom + 38}" text-anchor="middle">{escape(x_label)}</text>'
    )
    for number, points in enumerate(kept.values()):
        colour = _PALETTE[number % len(_PALETTE)]
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
    legend, end = _legend(list(kept), left, bottom + 62)
    return _document(title, end + 16, parts + legend)


def _legend(names: list[str], left: float, y: float) -> tuple[list[str], float]:
    """A row of names with their colours, continued on further rows where one is full."""
    parts, x = [], left
    for number, name in enumerate(names):
        width = 34 + _width_of(name)
        if x + width > WIDTH - 16 and x > left:
            x, y = left, y + 22
        colour = _PALETTE[number % len(_PALETTE)]
        parts.append(f'<rect x="{x:.0f}" y="{y - 9:.0f}" width="14" height="9" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{x + 20:.0f}" y="{y:.0f}">{escape(name)}</text>')
        x += width
    return parts, y


def _ticks(values: list[float], logarithmic: bool, *, zero: bool) -> list[float]:
    """Round numbers that span the values; the first and the last are the ends of the axis."""
    if not values:
        return [1.0, 10.0] if logarithmic else [0.0, 1.0]
    low, high = min(values), max(values)
    if logarithmic:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return [10.0**power for power in range(first, max(last, first + 1) + 1)]
    low = min(low, 0.0) if zero else low
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [round(step * number, 12) for number in range(first, max(last, first + 1) + 1)]


class _scale:
    """From a value to a place on the axis between `start` and `end`."""

    def __init__(self, ticks: list[float], logarithmic: bool, start: float, end: float) -> None:
        self._of = math.log10 if logarithmic else float
        self._low, self._high = self._of(ticks[0]), self._of(ticks[-1])
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        return self._start + (self._of(value) - self._low) / (self._high - self._low) * (self._end - self._start)


def _document(title: str, height: float, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n'
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8"/>\n'
        f'<text class="title" x="20" y="32">{escape(title)}</text>\n'
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def _width_of(text: str) -> int:
    """Roughly, in pixels: fonts differ from reader to reader."""
    return round(7.2 * len(text))


def _number(value: float) -> str:
    """Three significant digits, and no exponent up to a billion."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
