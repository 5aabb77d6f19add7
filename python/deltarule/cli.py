# SPDX-License-Identifier: BSD-3-Clause
"""The command `deltarule`: `deltarule demo`, `deltarule info`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

EXAMPLES = """\
examples:
  deltarule demo              train on handwritten digits, compare with the oracle and the literals
  deltarule demo --seed 1     the same from other weights, with another split and other shuffles
  deltarule info              version, instruction set, threads, OpenMP runtime
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
        The exit status: 0, or 1 if the demonstration finds a difference.
    """
    options = _parser().parse_args(arguments)
    if options.command == "info":
        from deltarule.info import info

        print(info())
        return 0
    from deltarule.demo import demo

    try:
        return demo(options.seed, options.epochs, options.threads)
    except (TypeError, ValueError) as error:
        _parser().error(str(error))
    except KeyboardInterrupt:
        return 130  # as the shell says it of a command that Ctrl-C ended


def _parser() -> argparse.ArgumentParser:
    from deltarule import __version__

    parser = argparse.ArgumentParser(
        prog="deltarule",
        description="Multi-layer perceptrons on the CPU that match their derivation bit for bit.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"deltarule {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser(
        "demo", help="train on handwritten digits and compare with the references"
    )
    demo.add_argument("--seed", type=int, default=0, help="of split, weights, shuffles; default 0")
    demo.add_argument("--epochs", type=int, default=30, help="passes over the data; default 30")
    demo.add_argument("--threads", type=int, default=1, help="of the native training; default 1")
    commands.add_parser("info", help="version, instruction set, threads, OpenMP runtime")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
