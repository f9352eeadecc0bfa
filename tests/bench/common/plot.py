"""Draws figures as SVG, with nothing but text: lines over a logarithmic axis, and bars."""

import math
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 860, 500
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 210, 46, 60
_COLOURS = ("#1b6ca8", "#d1495b", "#2a9d5c", "#e08e1b", "#7b4fa3", "#3a3a3a", "#12a5b0", "#a0662d")
_DASHES = ("", "7 4", "2 4", "9 3 2 3")
_BAR = 26


def _text(x, y, words, anchor="middle", size=13, extra=""):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {extra}>'
        f"{escape(words)}</text>"
    )


def _line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def short(number):
    """12000000 as 12M, 0.25 as 0.25."""
    for divisor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= divisor:
            return f"{number / divisor:g}{unit}"
    return f"{number:g}"


def size(number):
    for divisor, unit in ((1 << 20, " MiB"), (1 << 10, " KiB")):
        if number >= divisor and number % divisor == 0:
            return f"{number // divisor}{unit}"
    return f"{number} B"


class _LogAxis:
    """Positions on a logarithmic axis from pixel `begin` to pixel `end`."""

    def __init__(self, numbers, begin, end, whole_decades):
        low, high = math.log10(min(numbers)), math.log10(max(numbers))
        if whole_decades:
            low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
        self.low, self.high = low, high
        self._begin, self._end = begin, end

    def at(self, number):
        part = (math.log10(number) - self.low) / ((self.high - self.low) or 1)
        return self._begin + part * (self._end - self._begin)

    def decades(self):
        return [10.0**power for power in range(self.low, self.high + 1)]


def _document(parts, height=_HEIGHT):
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" fill="#222">'
    )
    back = f'<rect width="{_WIDTH}" height="{height}" fill="white"/>'
    return "\n".join([head, back, *parts, "</svg>"]) + "\n"


def _grid(across, up, ticks, y_label, name_tick):
    parts = []
    for number in up.decades():
        y = up.at(number)
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, 'stroke="#ddd"'))
        parts.append(_text(_LEFT - 8, y + 4, short(number), "end", 12))
    for number in ticks:
        x = across.at(number)
        parts.append(_line(x, _TOP, x, _HEIGHT - _BOTTOM, 'stroke="#eee"'))
        parts.append(_text(x, _HEIGHT - _BOTTOM + 20, name_tick(number), size=12))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(_text(20, middle, y_label, extra=f'transform="rotate(-90 20 {middle})"'))
    return parts


def lines(title, y_label, series, x_label="payload", name_tick=size):
    """`series`: name -> [(payload bytes or what else x is, value), ...]. Both axes are logarithmic."""
    points = [point for line in series.values() for point in line]
    ticks = sorted({x for x, _ in points})
    across = _LogAxis(ticks, _LEFT + 10, _WIDTH - _RIGHT - 10, whole_decades=False)
    up = _LogAxis([y for _, y in points], _HEIGHT - _BOTTOM, _TOP, whole_decades=True)
    parts = [_text((_LEFT + _WIDTH - _RIGHT) / 2, 26, title, size=16)]
    parts += _grid(across, up, ticks, y_label, name_tick)
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, x_label))
    colour_of, seen = {}, {}
    for row, (name, line) in enumerate(series.items()):
        peer = name.split()[0]
        colour = colour_of.setdefault(peer, _COLOURS[len(colour_of) % len(_COLOURS)])
        dash = _DASHES[seen.get(peer, 0) % len(_DASHES)]
        seen[peer] = seen.get(peer, 0) + 1
        style = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" {style}/>')
        for x, y in line:
            spot = f'cx="{across.at(x):.1f}" cy="{up.at(y):.1f}"'
            parts.append(f'<circle {spot} r="3" fill="{colour}"/>')
        y, x = _TOP + 10 + 22 * row, _WIDTH - _RIGHT + 14
        parts.append(_line(x, y, x + 34, y, style))
        parts.append(_text(x + 42, y + 4, name, "start", 12))
    return _document(parts)


def bars(title, x_label, values):
    """`values`: name -> (p50, p99). A bar to p50, a thin line to p99; the axis is logarithmic."""
    left, top = 290, 46
    height = top + _BAR * len(values) + 60
    bottom = height - 56
    numbers = [number for pair in values.values() for number in pair]
    across = _LogAxis(numbers, left, _WIDTH - 70, whole_decades=True)
    parts = [_text(_WIDTH / 2, 26, title, size=16)]
    for number in across.decades():
        x = across.at(number)
        parts.append(_line(x, top, x, bottom, 'stroke="#ddd"'))
        parts.append(_text(x, bottom + 18, short(number), size=12))
    for row, (name, (p50, p99)) in enumerate(values.items()):
        y = top + _BAR * row + 4
        width = across.at(p50) - left
        parts.append(_text(left - 8, y + 14, name, "end", 12))
        parts.append(
            f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{_BAR - 8}" '
            f'fill="{_COLOURS[0]}"/>'
        )
        parts.append(_line(left, y + 9, across.at(p99), y + 9, f'stroke="{_COLOURS[1]}"'))
        parts.append(_text(across.at(max(p50, p99)) + 6, y + 13, f"{p50:.3g}", "start", 11))
    parts.append(_text((left + _WIDTH - 70) / 2, height - 12, x_label))
    return _document(parts, height)
