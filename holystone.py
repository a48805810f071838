"""`holystone COMMAND`: the entry of the single file, and the same in a checkout: `.venv/bin/python holystone.py COMMAND`.

Each part is imported when it is asked for: the keeper needs nothing of the rest, and the first process of the server stays small.
"""

from __future__ import annotations

import sys

HELP = ("-h", "--help")


def main() -> int:
    """Hand the command to the part that carries it out."""
    if getattr(sys, "frozen", False):
        from single_file.unpacked import settle_in

        settle_in()
    command, *rest = sys.argv[1:] or ["--help"]
    if command == "--version":
        return _print_version()
    if command == "keeper":
        return _keep(rest)
    if command not in (*HELP, "setup"):
        from single_file.surroundings import complete_or_exit

        complete_or_exit()
    if command == "serve" and not set(rest) & set(HELP):
        from single_file.serve import serve

        return serve(rest)
    from single_file.commands import commands

    return int(commands().main(prog_name="holystone", args=[command, *rest]) or 0)


def _print_version() -> int:
    from webapp.version import VERSION

    print(f"holystone {VERSION}")  # noqa: T201
    return 0


def _keep(arguments: list[str]) -> int:
    from webapp.runtime import keeper

    sys.argv = ["holystone keeper", *arguments]
    return keeper.main()


if __name__ == "__main__":
    sys.exit(main())
