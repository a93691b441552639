"""Draws an asciicast v2 as an animated SVG: one frame for each screen that differs."""

import json
import re
from html import escape

CONTROL = re.compile(r"\x1b\[(\?)?([\d;]*)([A-Za-z])|\x1b[()].|\x1b[78=>]")
COLORS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 36: "#79c0ff"}
CHARACTER, LINE, MARGIN = 8.4, 18, 14

# The longest wait between two frames, in seconds; the run itself takes longer.
LONGEST_WAIT = 2.5
SHORTEST_FRAME = 0.15
LAST_FRAME = 6


class Screen:
    """The part of a terminal that robench uses: lines, cursor moves, erasing, and colors."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [self.empty() for _ in range(rows)]
        self.row = self.column = 0
        self.style = (None, False, False)

    def empty(self):
        return [(" ", (None, False, False))] * self.columns

    def write(self, text):
        position = 0
        while position < len(text):
            control = CONTROL.match(text, position)
            if control:
                self.control(control)
                position = control.end()
                continue
            self.put(text[position])
            position += 1

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.next_line()
        elif character >= " ":
            if self.column == self.columns:
                self.column = 0
                self.next_line()
            self.lines[self.row][self.column] = (character, self.style)
            self.column += 1

    def next_line(self):
        self.row += 1
        if self.row == self.rows:
            self.lines = [*self.lines[1:], self.empty()]
            self.row -= 1

    def control(self, match):
        private, numbers, letter = match.groups()
        if letter is None or private:
            return
        values = [int(number) for number in numbers.split(";") if number]
        count = values[0] if values else 1
        if letter == "A":
            self.row = max(0, self.row - count)
        elif letter == "B":
            self.row = min(self.rows - 1, self.row + count)
        elif letter == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif letter == "D":
            self.column = max(0, self.column - count)
        elif letter == "G":
            self.column = count - 1
        elif letter in "JK":
            self.erase(letter, values[0] if values else 0)
        elif letter == "m":
            for value in values or [0]:
                self.set_style(value)

    def erase(self, letter, mode):
        line = self.lines[self.row]
        blank = self.empty()
        first = 0 if mode else self.column
        last = self.column if mode == 1 else self.columns
        self.lines[self.row] = line[:first] + blank[first:last] + line[last:]
        if letter == "J" and mode == 0:
            for row in range(self.row + 1, self.rows):
                self.lines[row] = self.empty()

    def set_style(self, value):
        color, bold, dim = self.style
        if value == 0:
            color, bold, dim = None, False, False
        elif value == 1:
            bold = True
        elif value == 2:
            dim = True
        elif value == 22:
            bold = dim = False
        elif value == 39:
            color = None
        elif value in COLORS:
            color = COLORS[value]
        self.style = (color, bold, dim)

    def rows_drawn(self):
        """Each line as runs of equal style: `[(column, text, style), …]`."""
        drawn = []
        for line in self.lines:
            runs = []
            for column, (character, style) in enumerate(line):
                if runs and runs[-1][2] == style:
                    runs[-1] = (runs[-1][0], runs[-1][1] + character, style)
                else:
                    runs.append((column, character, style))
            drawn.append(tuple(run for run in runs if run[1].strip()))
        return tuple(drawn)


def frames_of(cast):
    """The header, and the frames `(seconds, screen)` with waits shortened."""
    header, *events = map(json.loads, cast.splitlines())
    screen = Screen(header["width"], header["height"])
    frames = []
    shown = before = 0.0
    for seconds, _, text in events:
        shown += min(seconds - before, LONGEST_WAIT)
        before = seconds
        screen.write(text)
        drawn = screen.rows_drawn()
        if frames and shown - frames[-1][0] < SHORTEST_FRAME:
            frames[-1] = (frames[-1][0], drawn)
        elif not frames or frames[-1][1] != drawn:
            frames.append((shown, drawn))
    return header, frames


def svg_of_cast(cast):
    """The animated SVG. A line that does not change between frames is drawn once."""
    header, frames = frames_of(cast)
    end = frames[-1][0] + LAST_FRAME
    width = header["width"] * CHARACTER + 2 * MARGIN
    height = header["height"] * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">',
        f"<title>{escape(header['title'])}</title>",
        "<style>text{font:14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        "white-space:pre;fill:#e6edf3}.b{font-weight:700}.d{opacity:.65}"
        "g{visibility:hidden}</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="#0d1117"/>',
    ]
    for row in range(header["height"]):
        parts.extend(row_parts(frames, row, end))
    return "\n".join([*parts, "</svg>", ""])


def row_parts(frames, row, end):
    """The contents of one row, each visible during its frames."""
    parts = []
    start, content = frames[0][0], frames[0][1][row]
    for seconds, drawn in [*frames[1:], (end, None)]:
        if drawn is not None and drawn[row] == content:
            continue
        if content:
            parts.append(shown_during(line(row, content), start, seconds, end))
        if drawn is not None:
            start, content = seconds, drawn[row]
    return parts


def shown_during(text, start, stop, end):
    values, times = ["hidden", "visible", "hidden"], [0, start / end, stop / end]
    if start == 0:
        values, times = values[1:], times[1:]
    if stop == end:
        values, times = values[:-1], times[:-1]
    return (
        f'<g>{text}<animate attributeName="visibility" calcMode="discrete" '
        f'repeatCount="indefinite" dur="{end:.2f}s" values="{";".join(values)}" '
        f'keyTimes="{";".join(f"{time:.4f}" for time in times)}"/></g>'
    )


def line(row, runs):
    y = MARGIN + (row + 0.75) * LINE
    parts = []
    for column, text, (color, bold, dim) in runs:
        leading = len(text) - len(text.lstrip())
        kept = text.strip()
        classes = " ".join(name for name, on in (("b", bold), ("d", dim)) if on)
        parts.append(
            f'<text x="{MARGIN + (column + leading) * CHARACTER:g}" y="{y:g}" '
            f'textLength="{len(kept) * CHARACTER:g}"'
            + (f' class="{classes}"' if classes else "")
            + (f' style="fill:{color}"' if color else "")
            + f">{escape(kept)}</text>"
        )
    return "".join(parts)
