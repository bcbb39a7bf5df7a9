"""Draws what a command shows on a terminal, as an SVG of text.

    python3 xtask/tools/picture.py docs/images/run.svg -- cargo xtask ci lint docs.links

The command is run on a terminal of its own (a pty), so it shows itself as to a person, with colours. What it draws anew is drawn
anew here, too: of the control sequences (ECMA-48) those are obeyed that move the cursor, erase and colour. The picture has a
ground of its own, so that it can be read on light and on dark pages. What names this machine is refused, and the lines in
the middle of a long output are left out, which is said.
"""

import argparse
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from html import escape
from pathlib import Path

COLUMNS = 100
ROWS_MAX = 40

# A letter, a line, and the room around all of it, in pixels.
LETTER, LINE, MARGIN = 8.0, 18, 16

GROUND, TEXT, FAINT, BORDER = "#0d1117", "#e6edf3", "#8b949e", "#30363d"
COLOURS = ["#6e7681", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#e6edf3"]
BRIGHT = ["#8b949e", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff"]

SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-B]|\x1b[=>78c]")


def shown(command: list[str]) -> tuple[str, int]:
    """What a command writes on a terminal, and its exit code."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 400, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    for name in ("CI", "GITHUB_ACTIONS", "NO_COLOR"):
        environment.pop(name, None)
    child = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    written = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux says so when nobody has the terminal open any more.
            break
        if not piece:
            break
        written += piece
    os.close(leader)
    return written.decode(errors="replace"), child.wait()


class Screen:
    """Lines of letters, each with its style: a colour, bold, faint."""

    def __init__(self) -> None:
        self.lines: list[list[tuple[str, tuple]]] = [[]]
        self.row = self.column = 0
        self.style = (None, False, False)

    def write(self, text: str) -> None:
        at = 0
        while at < len(text):
            if match := SEQUENCE.match(text, at):
                if match[2]:
                    self.obey(match[1], match[2])
                at = match.end()
                continue
            self.letter(text[at])
            at += 1

    def letter(self, letter: str) -> None:
        if letter == "\n":
            self.row += 1
        elif letter == "\r":
            self.column = 0
        elif letter == "\b":
            self.column = max(0, self.column - 1)
        elif letter == "\t":
            self.column = (self.column // 8 + 1) * 8
        elif letter.isprintable():
            if self.column >= COLUMNS:
                self.row, self.column = self.row + 1, 0
            line = self.line()
            line.extend([(" ", (None, False, False))] * (self.column + 1 - len(line)))
            line[self.column] = (letter, self.style)
            self.column += 1

    def line(self) -> list:
        while len(self.lines) <= self.row:
            self.lines.append([])
        return self.lines[self.row]

    def obey(self, parameters: str, end: str) -> None:
        if parameters.startswith("?"):
            return
        numbers = [int(number or 0) for number in parameters.split(";")]
        first = max(1, numbers[0])
        if end == "A":
            self.row = max(0, self.row - first)
        elif end == "B":
            self.row += first
        elif end == "C":
            self.column += first
        elif end == "D":
            self.column = max(0, self.column - first)
        elif end == "G":
            self.column = first - 1
        elif end == "K":
            line = self.line()
            if numbers[0] == 2:
                line.clear()
            elif numbers[0] == 0:
                del line[self.column :]
        elif end == "J":
            del self.line()[self.column :]
            del self.lines[self.row + 1 :]
        elif end == "m":
            self.colour(numbers)

    def colour(self, numbers: list[int]) -> None:
        colour, bold, faint = self.style
        numbers = list(numbers)
        while numbers:
            number = numbers.pop(0)
            if number == 0:
                colour, bold, faint = None, False, False
            elif number == 1:
                bold = True
            elif number == 2:
                faint = True
            elif number == 22:
                bold = faint = False
            elif 30 <= number <= 37:
                colour = COLOURS[number - 30]
            elif 90 <= number <= 97:
                colour = BRIGHT[number - 90]
            elif number == 39:
                colour = None
            elif number in (38, 48):
                # 256 colours or three numbers: ours are the first sixteen.
                kind = numbers.pop(0) if numbers else 0
                taken = [numbers.pop(0) for _ in range(1 if kind == 5 else 3) if numbers]
                if number == 38 and kind == 5 and taken and taken[0] < 16:
                    colour = (COLOURS + BRIGHT)[taken[0]]
                elif number == 38 and kind == 2 and len(taken) == 3:
                    colour = "#{:02x}{:02x}{:02x}".format(*taken)
        self.style = (colour, bold, faint)


def rows(command: str, screen: Screen) -> list[list[tuple[str, tuple]]]:
    """The prompt with the command, and what it has shown."""
    found = list(screen.lines)
    room = COLUMNS - 2
    command = command if len(command) <= room else command[: room - 1] + "…"
    while found and not "".join(letter for letter, _ in found[-1]).strip():
        found.pop()
    if len(found) > ROWS_MAX:
        half = ROWS_MAX // 2
        left = f"… {len(found) - 2 * half} lines are left out …"
        found = [*found[:half], [(letter, (FAINT, False, False)) for letter in left], *found[-half:]]
    prompt = [("$", (FAINT, False, False)), (" ", (None, False, False))]
    return [prompt + [(letter, (None, True, False)) for letter in command], *found]


def svg(title: str, lines: list[list[tuple[str, tuple]]]) -> str:
    """The lines as a picture: a piece of text for each style."""
    width = int(COLUMNS * LETTER + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" fill="{TEXT}">',
        f"<title>{escape(title)}</title>",
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="{GROUND}" stroke="{BORDER}"/>',
    ]
    for row, line in enumerate(lines):
        y = MARGIN + row * LINE + 13
        start = 0
        while start < len(line):
            style = line[start][1]
            end = start
            while end < len(line) and line[end][1] == style:
                end += 1
            text = "".join(letter for letter, _ in line[start:end])
            inner = text.strip()
            if inner:
                left = start + len(text) - len(text.lstrip())
                colour, bold, faint = style
                colour = colour or (FAINT if faint else None)
                attributes = f' fill="{colour}"' if colour else ""
                attributes += ' font-weight="600"' if bold else ""
                # Typefaces differ in width: each piece is as long as it is on the terminal.
                parts.append(
                    f'<text x="{MARGIN + left * LETTER:g}" y="{y}" textLength="{len(inner) * LETTER:g}" '
                    f'lengthAdjust="spacingAndGlyphs" xml:space="preserve"{attributes}>{escape(inner)}</text>'
                )
            start = end
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    """Runs the command, and writes its picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    written, code = shown(arguments.command)
    screen = Screen()
    screen.write(written)
    command = " ".join(arguments.command)
    lines = rows(command, screen)
    said = "\n".join("".join(letter for letter, _ in line) for line in lines)
    for name in {str(Path.home()), str(Path.cwd()), os.uname().nodename}:
        if len(name) > 1 and name in said:
            print(f"the output names this machine: `{name}`", file=sys.stderr)
            return 1
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(svg(f"What `{command}` shows", lines), encoding="utf-8")
    print(f"{arguments.out}: {len(lines)} lines, the command ended with {code}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
