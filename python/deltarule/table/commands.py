# SPDX-License-Identifier: BSD-3-Clause
"""The commands over tables: `deltarule fit`, `predict`, `evaluate`, `inspect`.

Their options and exit statuses; what they do is `TableModel`'s. Reports and warnings go to standard
error, results to standard output or the file of `-o`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from dataclasses import MISSING, fields
from typing import Any

from deltarule.table.config import TABLES, read_config
from deltarule.table.settings import Settings, character, names

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

EXAMPLES = {
    "fit": """\
examples:
  deltarule fit houses.csv --target price -o houses.safetensors
  deltarule fit train.parquet --target species --valid valid.parquet -o model.safetensors
  deltarule fit t.csv --target y --drop id,date --hidden 128,128 --dropout 0.1 -o m.safetensors
  deltarule fit t.csv --config fit.toml --seed 1 -o m.safetensors     options win over the file

What becomes of columns and gaps, how the task is chosen: docs/command_line.md.
""",
    "predict": """\
examples:
  deltarule predict houses.safetensors new.csv -o predicted.csv
  deltarule predict houses.safetensors new.parquet --keep id -o predicted.parquet
  deltarule predict houses.safetensors new.csv | head
""",
    "evaluate": """\
examples:
  deltarule evaluate houses.safetensors test.csv
  deltarule evaluate houses.safetensors test.csv --json | jq .r2
""",
    "inspect": """\
examples:
  deltarule inspect houses.safetensors
  deltarule inspect houses.safetensors --json | jq .table.target
""",
}
HELP = {
    "fit": "learn to predict a column of a CSV or Parquet file from the others",
    "predict": "predict that column for the rows of another table",
    "evaluate": "compare predictions with a table that has the column",
    "inspect": "show what a model file holds: columns, layers, training, versions",
}


class Misuse(ValueError):
    """The command line itself is wrong."""


def add_parsers(commands: Any) -> None:
    """Add the four commands to a parser's.

    Parameters
    ----------
    commands : argparse subparsers
        Where to.
    """
    parsers = {
        name: commands.add_parser(
            name, help=HELP[name], description=f"{HELP[name][0].upper()}{HELP[name][1:]}.",
            epilog=EXAMPLES[name], formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name in HELP
    }  # fmt: skip
    for name, parser in parsers.items():
        parser.set_defaults(run=run, parser=parser)
        if name != "fit":
            parser.add_argument("model", metavar="MODEL", help="a file that `fit` wrote")
    _add_fit(parsers["fit"])
    for name in ("predict", "evaluate"):
        parser = parsers[name]
        parser.add_argument("table", metavar="TABLE", help="CSV or Parquet, by the name's end")
        parser.add_argument(
            "--strict", action="store_true",
            help="categories and gaps that training never had are errors, not warnings",
        )  # fmt: skip
        _add_delimiter(parser)
    parsers["predict"].add_argument(
        "-o", "--output", metavar="FILE", help="CSV or Parquet; default CSV on standard output"
    )
    parsers["predict"].add_argument(
        "--keep", type=names, default=(), metavar="NAME,...", help="columns of TABLE to repeat"
    )
    for name in ("evaluate", "inspect"):
        parsers[name].add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Run one of the commands.

    Parameters
    ----------
    options : argparse.Namespace
        As its parser gives them.

    Returns
    -------
    int
        0 done; 1 a file, a table or the training failed; 2 the command line is wrong; 130 Ctrl-C.
    """
    from deltarule.table.notes import TableWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", TableWarning)
            warnings.showwarning = _show_warning
            COMMANDS[options.command](options)
            sys.stdout.flush()  # a disk that is full says so here
    except Misuse as error:
        options.parser.error(str(error))  # raises SystemExit(2), after the usage
    except BrokenPipeError:  # `| head` has seen enough
        drop_output()
        return FAILED
    except KeyboardInterrupt:
        _say("interrupted; nothing was written")
        return INTERRUPTED
    except (OSError, ValueError, TypeError, FloatingPointError, ImportError, MemoryError) as error:
        _say(f"error: {str(error) or type(error).__name__}")
        drop_output()
        return FAILED
    return DONE


def drop_output() -> None:
    """Drop what standard output does not take any more, lest Python says so again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fit(options: argparse.Namespace) -> None:
    given = {k: v for k, v in vars(options).items() if k in _FROM_CONFIG and v is not None}
    try:
        values = (read_config(options.config) if options.config else {}) | given
        target, valid, delimiter = (values.pop(name, None) for name in TABLES)
        if target is None:
            raise ValueError("--target NAME is required: the column to predict")
        Settings(**values)
    except (TypeError, ValueError) as error:
        raise Misuse(str(error)) from None
    from deltarule.callbacks import Progress
    from deltarule.table.model import TableModel
    from deltarule.table.report import training
    from deltarule.table.storage import check_writable

    check_writable(options.output, (options.table, valid, options.config))
    model = TableModel.fit(
        options.table, target, valid, delimiter=delimiter, callbacks=[Progress()], **values
    )
    model.save(options.output)
    for line in training(model):
        print(line, file=sys.stderr)
    print(f"wrote {options.output}", file=sys.stderr)


def _predict(options: argparse.Namespace) -> None:
    from deltarule.table.notes import rows
    from deltarule.table.reading import kind_of_file
    from deltarule.table.storage import check_writable, load
    from deltarule.table.writing import write, write_csv

    if options.output is not None:
        try:
            kind_of_file(options.output)
        except ValueError as error:
            raise Misuse(str(error)) from None
        check_writable(options.output, (options.model, options.table))
    predicted = load(options.model).predict(
        options.table, options.strict, options.delimiter, options.keep
    )
    if options.output is None:
        sys.stdout.flush()
        write_csv(predicted, sys.stdout.buffer, options.delimiter or ",")
    else:
        write(predicted, options.output, options.delimiter)
        print(f"wrote {options.output}: {rows(predicted.num_rows)}", file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> None:
    from deltarule.table.report import evaluation, evaluation_json
    from deltarule.table.storage import load

    result = load(options.model).evaluate(options.table, options.strict, options.delimiter)
    print(json.dumps(evaluation_json(result)) if options.json else "\n".join(evaluation(result)))


def _inspect(options: argparse.Namespace) -> None:
    from deltarule.table.inspection import inspection, inspection_json

    if options.json:
        print(json.dumps(inspection_json(options.model)))
    else:
        print("\n".join(inspection(options.model)))


COMMANDS = {"fit": _fit, "predict": _predict, "evaluate": _evaluate, "inspect": _inspect}
_FROM_CONFIG = {*TABLES, *(field.name for field in fields(Settings))}


def _add_fit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="CSV or Parquet, by the name's end")
    parser.add_argument("--target", metavar="NAME", help="the column to predict")
    parser.add_argument(
        "-o", "--output", required=True, metavar="MODEL", help="the file to write: .safetensors"
    )
    parser.add_argument("--valid", metavar="FILE", help="a table to stop early by")
    parser.add_argument("--config", metavar="FILE", help=".toml or .json with any of these options")
    _add_delimiter(parser)
    for field in fields(Settings):
        about = field.metadata
        known = "" if field.default in (None, (), MISSING) else f"; default {_text(field.default)}"
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=about["read"], metavar=about["metavar"],
            help=(about["help"] + known).replace("%", "%%"),
        )  # fmt: skip


def _add_delimiter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--delimiter", type=character, metavar="C",
        help="between values of CSV; default a comma, in .tsv a tab",
    )  # fmt: skip


def _text(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"warning: {message}")


def _say(text: str) -> None:
    print(f"deltarule: {text}", file=sys.stderr)
