"""What a day's work needs: `spin` lists these; `.ci/run` is what must pass in the end."""

import sys

import click
from spin import util

ANY = {"ignore_unknown_options": True, "help_option_names": []}
LINTERS = [
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["bash", "-c", "mypy <(awk '/^```/ {code = /python$/; next} code' README.md)"],  # its Python blocks, as one program
    ["cython-lint", "src/rrqr_lapack", "docs/examples/extension"],
    [
        "bash",
        "-c",
        "clang-format --dry-run -Werror $(git ls-files '*.[ch]')",
    ],
    ["bash", "-c", "shellcheck .ci/run .ci/steps/*"],
]


@click.command(context_settings=ANY)
@click.argument("pip_args", nargs=-1, type=click.UNPROCESSED)
def build(pip_args):
    """Install in place, with the tools of the present environment; what changes later is built again at import."""
    util.run(
        [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "-e", ".", *pip_args],
        replace=True,
    )


@click.command(context_settings=ANY)
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def test(pytest_args):
    """Run the tests, or those that are named: `spin test tests/qr -k pivots`."""
    util.run([sys.executable, "-m", "pytest", *pytest_args], replace=True)


@click.command()
def lint():
    """Formatters, linters and types, as `.ci/run` runs them."""
    failed = [command for command in LINTERS if util.run(command, sys_exit=False).returncode]
    if failed:
        raise SystemExit(1)


@click.command(context_settings=ANY)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments):
    """Run a benchmark: `spin bench race`; without a name, list them. Times from commit to commit: `asv run`."""
    util.run([sys.executable, "-m", "bench", *(arguments or ["--help"])], replace=True)


@click.command()
def docs():
    """Run the code on every page and in every docstring, and hold the maps to the tree."""
    util.run(
        [sys.executable, "-m", "pytest", "-q", "tests/package", "-k", "readme or docs or docstrings or map"],
        replace=True,
    )


@click.command()
def news():
    """Show what the files in `changes` add to the changelog."""
    util.run([sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next"], replace=True)
