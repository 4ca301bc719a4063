"""The results as a chart: the server's CPU time per request, a panel per work, drawn by gnuplot."""

from __future__ import annotations

import shutil
import subprocess

# A server keeps its colour, whichever others are there. The floors are grey: what nobody can do without.
COLOURS = {"pronto": 0xE4572E, "pronto-bare": 0xF0A088, "pronto-rules": 0xC25A3A, "nginx": 0x3D7EA6,
           "nginx-cache": 0x7FB2D0, "h2o": 0x5C946E, "lighttpd": 0x8D6CAB, "lwan": 0xC9A227}
FLOOR_COLOUR = 0xB4BAC2
# The paper is opaque, so that the ink can be read on dark pages, too.
PAPER, INK, FAINT, LINE = "#fbfaf7", "#1f2933", "#68737d", "#9aa5b1"
COLUMNS = 3
# In pixels. A panel's bars begin behind the names, and leave room for the longest bar's figure.
PANEL_WIDTH, NAMES_WIDTH, RIGHT_WIDTH, BAR_HEIGHT = 370, 104, 14, 25
HEADER, PANEL_HEADER, FOOTER = 78, 46, 40


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _counts_requests(work: dict) -> bool:
    return any(figure["title"] == "CPU µs/request" for figure in work["figures"])


def _rows(work: dict) -> list[tuple[str, float, float, float]]:
    """Name, median, least and most of each server that has figures."""
    rows, compared = [], work["compared"]
    for name, server in work["servers"].items():
        values = [figures[compared] for figures in server["rounds"] if figures]
        if values:
            rows.append((name, server["median"][compared], min(values), max(values)))
    return rows


def _panel(work: dict, left: float, top: float, size: tuple[float, float], rows_most: int) -> str:
    """The panel whose upper left corner is (left, top), in pixels from the upper left of the chart."""
    width, height = size
    rows = _rows(work)
    lines = []
    for number, (name, median, least, most) in enumerate(rows):
        colour = COLOURS.get(name, FLOOR_COLOUR)
        lines.append(f'{number} {median} {least} {most} {colour} "{name}" "{_short(median)}"')
    data = f"$panel_{work['name']}"
    right = left + PANEL_WIDTH - RIGHT_WIDTH
    bars_top = top + PANEL_HEADER
    bars_bottom = bars_top + BAR_HEIGHT * rows_most
    title = work["title"].replace("_", "\\_")
    if work["compared"] == "both_us":
        title += "; with the CPU time of wrk"
    text_at = f"at screen {(left + 12) / width}, screen"
    return f"""{data} << EOD
{chr(10).join(lines)}
EOD
set lmargin at screen {(left + NAMES_WIDTH) / width}
set rmargin at screen {right / width}
set tmargin at screen {1 - bars_top / height}
set bmargin at screen {1 - bars_bottom / height}
set label 1 "{{/:Bold {work['name']}}}" {text_at} {1 - (top + 14) / height} font ",15" tc rgb "{INK}"
set label 2 "{title}" {text_at} {1 - (top + 33) / height} font ",11" tc rgb "{FAINT}"
set arrow 1 from first 0,-0.5 to first 0,{len(rows) - 0.5} nohead lc rgb "{LINE}" lw 1.5
set xrange [0:{max(row[3] for row in rows) * 1.2}]
set yrange [{rows_most - 0.5}:-0.5]
plot {data} using (0):1:(0):2:($1-0.36):($1+0.36):5:ytic(6) with boxxyerror lc rgb variable fs solid 1 noborder, \\
     {data} using 3:1:($4-$3):(0) with vectors nohead lc rgb "{INK}" lw 1.2, \\
     {data} using 4:1:7 with labels left offset 0.7,0 font ",12" tc rgb "{INK}"
"""


def _heading(results: dict, width: int, height: int) -> str:
    machine, rounds = results["machine"], results["settings"]["rounds"]
    where = f"{machine['cpu']}, Linux {machine['kernel']}, {machine['date']}".replace("_", "\\_")
    spread = f"Median of {rounds} rounds; lines are the least and the most." if rounds > 1 else "One round."
    texts = [(28, 20, INK, "CPU time per request"),
             (52, 13, FAINT, "microseconds on a core, by work; less is better"),
             (height - 18, 11, FAINT, f"{where}. {spread}")]
    return "\n".join(f'set label {10 + number} "{text}" at screen {24 / width}, screen {1 - top / height} '
                     f'font ",{size}" tc rgb "{colour}"'
                     for number, (top, size, colour, text) in enumerate(texts))


def _script(results: dict, works: list[dict], path: str) -> str:
    rows_most = max(len(_rows(work)) for work in works)
    columns = min(COLUMNS, len(works))
    panel_height = PANEL_HEADER + BAR_HEIGHT * rows_most + 26
    width = max(columns * PANEL_WIDTH + 24, 740)
    height = HEADER + -(-len(works) // columns) * panel_height + FOOTER
    panels = [_panel(work, 12 + number % columns * PANEL_WIDTH,
                     HEADER + number // columns * panel_height, (width, height), rows_most)
              for number, work in enumerate(works)]
    return f"""set terminal svg size {width},{height} dynamic rounded enhanced \\
    background "{PAPER}" font "Helvetica,Arial,sans-serif,13"
set output "{path}"
set multiplot
unset key
unset xtics
set ytics nomirror scale 0 font ",12" textcolor rgb "{INK}"
set border 0
{_heading(results, width, height)}
{panels[0]}
unset label
{chr(10).join(panels[1:])}
unset multiplot
"""


def draw(results: dict, base: str) -> str | None:
    """Draws BASE.svg from BASE.gp, and returns its path; None where there is no gnuplot, or nothing to draw."""
    works = [work for work in results["works"] if _counts_requests(work) and _rows(work)]
    if shutil.which("gnuplot") is None or not works:
        return None
    with open(f"{base}.gp", "w", encoding="utf-8") as file:
        file.write(_script(results, works, f"{base}.svg"))
    subprocess.run(["gnuplot", f"{base}.gp"], check=True)
    return f"{base}.svg"
