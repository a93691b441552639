"""Records a run in a terminal of 80 columns as docs/run.cast and docs/run.svg.

Usage, after `npm run build`:  python3 docs/recording/record.py

The recording is an asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/). The commands run
in a temporary directory, in a pseudo-terminal; only the prompt is written by this script.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

from screen import svg_of_cast

COLUMNS, ROWS = 80, 32
ROOT = Path(__file__).resolve().parents[2]
MAIN = ROOT / "dist" / "cli" / "main.js"

# Words after `robench`, and the text after whose appearance Ctrl-C is pressed.
COMMAND = ["run", "quickstart", "--workers", "2"]
STEPS = [(COMMAND, ", pgd, "), (COMMAND, None)]


def record():
    """Runs the steps and returns the events `[seconds, text]`."""
    events = []
    start = time.monotonic()

    def emit(text):
        events.append([round(time.monotonic() - start, 3), text])

    with tempfile.TemporaryDirectory() as folder:
        for words, interrupt_after in STEPS:
            emit("$ " + " ".join(["robench", *words]) + "\r\n")
            run(words, folder, emit, interrupt_after)
        emit("$ ")
    return events


def run(words, folder, emit, interrupt_after):
    """Runs one command in a terminal of its own, and passes on what it prints."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        environment = {**os.environ, "TERM": "xterm-256color", "FORCE_COLOR": "1"}
        for name in ("COLUMNS", "NO_COLOR"):
            environment.pop(name, None)
        os.execvpe("node", ["node", str(MAIN), *words], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    seen = ""
    pressed_at = None
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # Linux reports the end of a pseudo-terminal in this way.
                break
            if not data:
                break
            text = data.decode("utf-8", "replace")
            emit(text)
            seen += text
        if interrupt_after is None or pressed_at is not None:
            continue
        if interrupt_after in seen:
            time.sleep(2)
            pressed_at = time.monotonic()
            # As the terminal does when Ctrl-C is pressed.
            os.write(terminal, b"\x03")
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    expected = 0 if interrupt_after is None else 128 + signal.SIGINT
    if code != expected:
        sys.exit(f"robench {' '.join(words)}: expected exit code {expected}, got {code}")


def main():
    events = record()
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "robench run quickstart"}
    lines = [header, *([seconds, "o", text] for seconds, text in events)]
    cast = ROOT / "docs" / "run.cast"
    cast.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    (ROOT / "docs" / "run.svg").write_text(svg_of_cast(cast.read_text()))


if __name__ == "__main__":
    main()
