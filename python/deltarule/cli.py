# SPDX-License-Identifier: BSD-3-Clause
"""The command `deltarule`: demonstration, information, speed; `table.commands` has the others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deltarule import _core

EXAMPLES = """\
examples:
  deltarule demo              train on handwritten digits, compare with the oracle and the literals
  deltarule demo --seed 1     the same from other weights, with another split and other shuffles
  deltarule info              version, instruction set, threads, OpenMP runtime
  deltarule bench             our speed on this machine, as a share of its FMA peak
  deltarule bench --peak      that peak by instruction set, dtype and threads

  deltarule fit train.csv --target price -o model.safetensors
  deltarule predict model.safetensors new.csv -o predicted.csv
  deltarule evaluate model.safetensors test.csv
  deltarule inspect model.safetensors

exit status: 0 done; 1 a file, a table or the training failed, or the demonstration found a
difference; 2 the command line is wrong; 130 Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        None: those of the process.

    Returns
    -------
    int
        The exit status: 0 done; 1 if a file, a table or a training failed, or the demonstration
        found a difference; 130 after Ctrl-C. A wrong command line raises SystemExit(2).
    """
    options = _parser().parse_args(arguments)
    if "run" in options:
        return int(options.run(options))
    from deltarule.table.commands import drop_output

    try:
        status = _other(options)
        sys.stdout.flush()  # a disk that is full says so here
        return status
    except (TypeError, ValueError) as error:
        _parser().error(str(error))
    except KeyboardInterrupt:
        return 130  # as the shell says it of a command that Ctrl-C ended
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # that is `| head`, which has seen enough
            print(f"deltarule: error: {error}", file=sys.stderr)
        drop_output()
        return 1


def _other(options: argparse.Namespace) -> int:
    """The commands that take no table."""
    if options.command == "info":
        from deltarule.info import info

        print(info())
        return 0
    if options.command == "bench":
        return _bench(options)
    from deltarule.demo import demo

    return demo(options.seed, options.epochs, options.threads)


def _bench(options: argparse.Namespace) -> int:
    from deltarule.bench import bench, print_peaks

    threads = options.threads or sorted({1, _core.default_threads()})
    if options.json is not None and not options.json.absolute().parent.is_dir():
        raise ValueError(f"--json: no directory {str(options.json.parent)!r}")
    if options.peak:
        print_peaks(threads, options.json)
    else:
        bench(threads, options.json, options.workloads, options.dtype)
    return 0


def _counts(text: str) -> list[int]:
    """Thread counts separated by commas."""
    counts = [int(part) for part in text.split(",")]
    if not all(1 <= n <= 256 for n in counts):
        raise argparse.ArgumentTypeError(f"{text}; expected counts of 1 ... 256")
    return sorted(set(counts))


def _names(text: str) -> list[str]:
    """Workloads separated by commas."""
    from deltarule.bench.workloads import WORKLOADS

    names = text.split(",")
    for name in names:
        if name not in WORKLOADS:
            raise argparse.ArgumentTypeError(f"{name!r}; expected some of {','.join(WORKLOADS)}")
    return names


def _parser() -> argparse.ArgumentParser:
    from deltarule import __version__
    from deltarule.table.commands import add_parsers

    parser = argparse.ArgumentParser(
        prog="deltarule",
        description="Multi-layer perceptrons on the CPU that match their derivation bit for bit.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"deltarule {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    add_parsers(commands)
    demo = commands.add_parser(
        "demo", help="train on handwritten digits and compare with the references"
    )
    demo.add_argument("--seed", type=int, default=0, help="of split, weights, shuffles; default 0")
    demo.add_argument("--epochs", type=int, default=30, help="passes over the data; default 30")
    demo.add_argument("--threads", type=int, default=1, help="of the native training; default 1")
    commands.add_parser("info", help="version, instruction set, threads, OpenMP runtime")
    bench = commands.add_parser(
        "bench", help="speed of training and prediction here, as a share of the FMA peak"
    )
    bench.add_argument("--peak", action="store_true", help="the peak alone, by instruction set")
    bench.add_argument(
        "--threads", type=_counts, metavar="N,...", help="counts to try; default 1 and all cores"
    )
    bench.add_argument("--workloads", type=_names, metavar="NAME,...", help="only these trainings")
    bench.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    bench.add_argument("--json", type=Path, metavar="PATH", help="write every run to this file")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
