# SPDX-License-Identifier: BSD-3-Clause
"""Record the terminal sessions and the table of options of docs/command_line.md.

Usage: python scripts/record_terminal.py [--check] (needs deltarule with its extra `tables`). Makes
two tables in a temporary folder, the digits and flats with categories and gaps, runs the commands
there and writes what the terminal shows into the page; with --check only compares.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa

from deltarule.digits import load_digits
from deltarule.table import Settings, write

Run = Callable[[Path, str], str]  # a folder and a command: what the terminal shows

PAGE = Path(__file__).parent.parent / "docs" / "command_line.md"

SESSIONS = {
    "digits": [
        "deltarule fit digits.csv --target digit --hidden 32 -o digits.safetensors",
        "deltarule evaluate digits.safetensors unseen.csv",
        "deltarule predict digits.safetensors unseen.csv | head -3 | cut -c 1-72",
    ],
    "flats": [
        "head -4 flats.csv",
        "deltarule fit flats.csv --target price --drop id -o flats.safetensors",
        "deltarule evaluate flats.safetensors sold.csv",
        "deltarule predict flats.safetensors offers.parquet --keep id -o offers.csv",
        "head -4 offers.csv",
    ],
    "inspect": ["deltarule inspect flats.safetensors"],
    "config": [
        "cat fit.toml",
        "deltarule fit flats.csv --config fit.toml --epochs 30 -o flats2.safetensors",
    ],
    "errors": [
        "deltarule predict flats.safetensors offers.parquet --strict -o p.csv; echo $?",
        "deltarule predict flats.safetensors unseen.csv -o p.csv; echo $?",
        "deltarule fit flats.csv --target prise -o f.safetensors; echo $?",
        "deltarule fit flats.csv --target price -o f.safetensors; echo $?",
        "deltarule evaluate flats.csv sold.csv; echo $?",
        "deltarule fit flats.csv --target price --epochs 0 -o f.safetensors 2>&1 | tail -1",
    ],
}

CONFIG = """\
target = "price"
drop = ["id"]
hidden = [32, 32]
loss = "huber(delta=0.5)"
optimizer = "adamw(weight_decay=0.01)"
"""


def make_tables(folder: Path) -> None:
    """Write the tables that the commands read."""
    X, digit = load_digits()
    columns = {f"p{i}": (16 * X[:, i]).astype(int) for i in range(64)} | {"digit": digit}
    write(pa.table(columns).slice(0, 1400), folder / "digits.csv")
    write(pa.table(columns).slice(1400), folder / "unseen.csv")
    flats = make_flats(2200)
    write(flats.slice(0, 1500), folder / "flats.csv")
    write(flats.slice(1500, 500), folder / "sold.csv")
    towns = flats.column("town").to_pylist()[2000:]
    towns[7] = "Lugano"  # which no flat of the training was in
    offers = flats.slice(2000).drop_columns(["price"])
    write(offers.set_column(2, "town", [towns]), folder / "offers.parquet")
    (folder / "fit.toml").write_text(CONFIG, encoding="utf-8")


def make_flats(n: int) -> pa.Table:
    """Make flats and their prices: numbers, categories, a date, gaps, a constant."""
    rng = np.random.default_rng(0)
    area = np.round(rng.uniform(25, 180, n), 1)
    place = rng.integers(5, size=n)
    heating = rng.integers(3, size=n)
    built = rng.integers(1890, 2024, size=n)
    lift = rng.random(n) < 0.4
    day = rng.integers(1500, size=n)
    price = 5000 * area * (0.7 + 0.15 * place) * (0.9 + 0.0001 * day) + 400 * (built - 1950)
    price = price + 15000 * lift * (area > 60) - 8000 * heating + rng.normal(0, 9000, n)
    gaps = rng.random((3, n)) < np.array([[0.08], [0.05], [0.02]])
    towns = np.array(["Aarau", "Basel", "Bern", "Genf", "Zug"])[place]
    first = datetime.date(2020, 1, 1)
    return pa.table(
        {
            "id": np.arange(1, n + 1),
            "area": pa.array(area, mask=gaps[0]),
            "town": pa.array(towns, mask=gaps[1]),
            "heating": np.array(["gas", "oil", "pump"])[heating],
            "built": built,
            "lift": lift,
            "day": pa.array([first + datetime.timedelta(int(d)) for d in day]),
            "country": ["CH"] * n,
            "price": pa.array(np.round(price, -2).astype(int), mask=gaps[2]),
        }
    )


def in_shell(folder: Path, command: str) -> str:
    """Run a command and return what a terminal would show."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    program = bin_folder / "deltarule"  # this installation's, whatever PATH has
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deltarule.cli "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, shell=True, cwd=folder, env=environment, text=True, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ).stdout  # fmt: skip


def record(folder: Path, commands: list[str], run: Run = in_shell) -> str:
    """Return what a terminal shows of these commands, each behind a $."""
    shown = [f"$ {command}\n{run(folder, command)}" for command in commands]
    return "\n".join(text.rstrip("\n") for text in shown)


def options() -> str:
    """Return the table of the settings."""
    rows = ["| option, key | default | |", "|---|---|---|"]
    for field in fields(Settings):
        default = field.default
        if isinstance(default, tuple):
            default = ",".join(map(str, default))
        cell = "" if default in (None, "") else f"`{default}`"
        name = f"`--{field.name.replace('_', '-')} {field.metadata['metavar']}`"
        rows.append(f"| {name} | {cell} | {field.metadata['help']} |")
    return "\n".join(rows)


def page(run: Run = in_shell) -> str:
    """Return the page with fresh recordings."""
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_tables(folder)
        for session, commands in SESSIONS.items():
            text = _between(text, session, f"```text\n{record(folder, commands, run)}\n```")
    return _between(text, "options", options())


def _between(text: str, name: str, new: str) -> str:
    """Replace what stands between a pair of marks."""
    mark = f"<!-- recorded: {name} -->"
    pattern = re.compile(f"({re.escape(mark)}\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{PAGE}: no {mark}")
    return pattern.sub(lambda found: f"{found[1]}{new}\n{found[2]}", text, count=1)


def main() -> int:
    """Write the page, or compare; 1 if it differs."""
    fresh = page()
    if "--check" in sys.argv[1:]:
        return int(fresh != PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
