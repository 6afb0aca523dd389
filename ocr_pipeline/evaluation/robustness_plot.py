"""Draws robustness curves as SVG: small multiples, no plotting library."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLUMNS = 3
PANEL_W, PANEL_H = 330, 250
PLOT_X, PLOT_Y, PLOT_W, PLOT_H = 46, 34, 268, 150
HEAD_H = 62
LINES = (
    ("right", "numbers right (refused photos count as wrong)", "#0b5fa5", "", "circle"),
    ("accepted", "numbers accepted without a person", "#c2570c", "6 3", "square"),
    ("refused", "photos refused", "#5b5b5b", "2 3", "circle"),
)
SILENT = "#b00020"


@dataclass(frozen=True, slots=True)
class Curve:
    """One panel: shares 0-1 at each strength, and the count of silent errors; all tuples of one length.

    Attributes:
        title: the fault.
        axis: what the strength means.
        labels: the strengths as text, from harmless to hopeless.
        right: share of numbers read rightly.
        accepted: share of numbers accepted.
        refused: share of photos refused.
        silent: silent errors.
    """

    title: str
    axis: str
    labels: tuple[str, ...]
    right: tuple[float, ...]
    accepted: tuple[float, ...]
    refused: tuple[float, ...]
    silent: tuple[int, ...]

    @property
    def gate_begins(self) -> int | None:
        """Index of the first strength at which a photo is refused, ``None`` where none is."""
        return next((n for n, share in enumerate(self.refused) if share > 0), None)


def draw_svg(curves: Sequence[Curve], note: str) -> str:
    """The panels as one SVG picture.

    Args:
        curves: what to draw, in reading order.
        note: what was measured on, printed above.
    """
    rows = -(-len(curves) // COLUMNS)
    width, height = COLUMNS * PANEL_W, HEAD_H + rows * PANEL_H
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="22" font-size="13" font-weight="bold">{escape(note)}</text>',
        *_legend(),
    ]
    for n, curve in enumerate(curves):
        x, y = n % COLUMNS * PANEL_W, HEAD_H + n // COLUMNS * PANEL_H
        parts += [f'<g transform="translate({x} {y})">', *_panel(curve), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> list[str]:
    parts, x = [], 16
    for _, name, colour, dash, mark in LINES:
        parts.append(_path([(x, 42), (x + 26, 42)], colour, dash))
        parts.append(_mark(mark, x + 13, 42, colour))
        parts.append(f'<text x="{x + 32}" y="46">{name}</text>')
        x += 62 + 6 * len(name)
    parts.append(f'<text x="{x}" y="46" fill="{SILENT}" font-weight="bold">&#215; n</text>')
    parts.append(f'<text x="{x + 26}" y="46">accepted and wrong</text>')
    return parts


def _panel(curve: Curve) -> list[str]:
    parts = [f'<text x="{PLOT_X}" y="14" font-size="12" font-weight="bold">{escape(curve.title)}</text>']
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _y(share)
        parts.append(_path([(PLOT_X, y), (PLOT_X + PLOT_W, y)], "#ddd", ""))
        parts.append(f'<text x="{PLOT_X - 6}" y="{y + 4:.1f}" text-anchor="end">{share * 100:.0f} %</text>')
    for n, label in enumerate(curve.labels):
        x = _x(n, len(curve.labels))
        parts.append(f'<text x="{x:.1f}" y="{PLOT_Y + PLOT_H + 16}" text-anchor="middle">{escape(label)}</text>')
    parts.append(
        f'<text x="{PLOT_X + PLOT_W / 2}" y="{PLOT_Y + PLOT_H + 34}" text-anchor="middle">{escape(curve.axis)}</text>'
    )
    return [*parts, *_gate(curve), *_lines(curve)]


def _gate(curve: Curve) -> list[str]:
    begins = curve.gate_begins
    if begins is None:
        return []
    x = _x(begins, len(curve.labels))
    side = "end" if begins > len(curve.labels) / 2 else "start"
    shift = -5 if side == "end" else 5
    return [
        _path([(x, PLOT_Y - 14), (x, PLOT_Y + PLOT_H)], "#222", "1 2"),
        f'<text x="{x + shift:.1f}" y="{PLOT_Y - 8}" text-anchor="{side}" font-style="italic">'
        "gate begins to refuse</text>",
    ]


def _lines(curve: Curve) -> list[str]:
    parts = []
    count = len(curve.labels)
    for name, _, colour, dash, mark in LINES:
        shares: tuple[float, ...] = getattr(curve, name)
        points = [(_x(n, count), _y(share)) for n, share in enumerate(shares)]
        parts.append(_path(points, colour, dash))
        parts += [_mark(mark, x, y, colour) for x, y in points]
    for n, wrong in enumerate(curve.silent):
        if wrong:
            x, y = _x(n, count), _y(curve.accepted[n]) - 8
            parts.append(
                f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" fill="{SILENT}" font-weight="bold">'
                f"&#215; {wrong}</text>"
            )
    return parts


def _x(index: int, count: int) -> float:
    return PLOT_X + PLOT_W * (index + 0.5) / count


def _y(share: float) -> float:
    return PLOT_Y + PLOT_H * (1 - share)


def _path(points: Sequence[tuple[float, float]], colour: str, dash: str) -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="1.6"{dashed}/>'


def _mark(kind: str, x: float, y: float, colour: str) -> str:
    if kind == "square":
        # Hollow: where accepted and right coincide, both stay visible.
        return (
            f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="none" stroke="{colour}" '
            'stroke-width="1.4"/>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.8" fill="{colour}"/>'
