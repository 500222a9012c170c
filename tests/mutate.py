"""A mutation run: change one place of the numerical packages at a time, and see whether a test fails.

`make mutate` draws a seeded sample. It first runs the tests once to learn which of them execute which line;
a mutant then meets only those that execute its line, the quickest first. One mutant of each package changes
nothing: that the tests fail with it would mean that they say nothing of the others. Results are appended to
build/mutants.jsonl, so that a run that was interrupted continues where it stopped.
"""

import argparse
import ast
import importlib
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build/mutation"
PACKAGES = (
    "stockjax/features",
    "stockjax/scoring",
    "stockjax/baselines",
    "stockjax/quality",
    "stockjax/sessions.py",
    "stockjax/engine",
)
TESTS = ("tests", "--ignore=tests/e2e", "--ignore=tests/flows", "--ignore=tests/docs", "--ignore=tests/cli")
"""The tests that a mutant may meet: those of this process."""

SECONDS = 30.0
"""What the tests of one mutant may take together without it; the quickest are chosen."""

PRELOADED = ("pytest", "jax", "flax.nnx", "optax", "pandas", "duckdb", "scipy.stats", "exchange_calendars")
"""What every run needs and no mutant changes: imported once, before the fork."""

UNCHANGED = "unchanged"

_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}


@dataclass(frozen=True)
class Mutant:
    """One change: the node of a file, in the order of `ast.walk`, and what is done to it."""

    file: str
    node: int
    line: int
    change: str

    @property
    def key(self) -> str:
        return f"{self.file}:{self.line}:{self.node}:{self.change}"


def mutants() -> list[Mutant]:
    """All mutants of all packages."""
    found = []
    for package in PACKAGES:
        place = ROOT / package
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            silent = set(_silent(tree))
            for number, node in enumerate(ast.walk(tree)):
                if id(node) not in silent:
                    name = str(path.relative_to(ROOT))
                    found += [Mutant(name, number, node.lineno, change) for change in _changes(node)]  # type: ignore[attr-defined]
    return found


def controls(sample: list[Mutant]) -> list[Mutant]:
    """One mutant of each package of a sample that changes nothing."""
    by_package = {str(Path(each.file).parent): each for each in sample}
    return [replace(mutant, change=UNCHANGED) for mutant in by_package.values()]


def _silent(tree: ast.AST) -> Iterator[int]:
    """What changes no result: docstrings, annotations, and flags that only guard against a wrong program."""
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", []):
            yield from (id(inner) for inner in ast.walk(decorator))
        if isinstance(node, ast.keyword) and node.arg == "strict":
            yield id(node.value)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for annotation in annotations:
            if annotation is not None:
                yield from (id(inner) for inner in ast.walk(annotation))


def _changes(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        return ["compare"]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return ["operator"]
    if isinstance(node, ast.BoolOp):
        return ["and-or"]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ["not"]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return ["boolean"]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return ["number"]
    return []


def mutated(mutant: Mutant) -> str:
    """The source of the file with the change."""
    tree = ast.parse((ROOT / mutant.file).read_text(encoding="utf-8"))
    node = next(each for number, each in enumerate(ast.walk(tree)) if number == mutant.node)
    if mutant.change == UNCHANGED:
        pass
    elif isinstance(node, ast.Compare):
        node.ops = [_COMPARISONS[type(node.ops[0])]()]
    elif isinstance(node, ast.BinOp):
        node.op = _OPERATORS[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
        node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node, ast.Constant):
        node.value = node.value + 1
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


class Coverage:
    """Which tests execute which line, and how long each of them takes."""

    def __init__(self, contexts: Path, durations: Path) -> None:
        self._lines: dict[str, dict[int, set[str]]] = {}
        for file, found in json.loads(contexts.read_text())["files"].items():
            self._lines[file] = {
                int(line): {context.rpartition("|")[0] for context in names if context}
                for line, names in found["contexts"].items()
            }
        self._seconds: dict[str, float] = defaultdict(lambda: 1.0)
        for case in ElementTree.parse(durations).iter("testcase"):
            name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
            self._seconds[name] = float(case.get("time", 0))

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that execute the line, the quickest first; those of the file if importing executes it."""
        lines = self._lines.get(mutant.file, {})
        covering = lines.get(mutant.line) or set().union(*lines.values())
        chosen: list[str] = []
        left = SECONDS
        for test in sorted(covering, key=lambda name: (self._seconds[name], name)):
            left -= self._seconds[test]
            if left < 0 and chosen:
                break
            chosen.append(test)
        return chosen


def measure_coverage() -> Coverage:
    """Run the tests once, unless they have been run, and keep what they execute."""
    contexts, durations = BUILD / "contexts.json", BUILD / "durations.xml"
    if not contexts.exists():
        print("running the tests once, to learn which line each of them executes", flush=True)
        environment = {**os.environ, "COVERAGE_FILE": str(BUILD / ".coverage")}
        pytest = [sys.executable, "-m", "pytest", "-q", *TESTS, f"--junitxml={durations}"]
        measured = ["--cov=stockjax", "--cov-context=test", "--cov-report=", "--cov-fail-under=0"]
        subprocess.run([*pytest, *measured], cwd=ROOT, env=environment, check=True)
        report = [sys.executable, "-m", "coverage", "json", "--show-contexts", "-q", "--fail-under=0"]
        subprocess.run([*report, "-o", str(contexts)], cwd=ROOT, env=environment, check=True)
    return Coverage(contexts, durations)


def _test(tests: list[str], tree: Path) -> None:
    """Run tests in a child process, which ends with pytest's exit status."""
    os.setsid()
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    pytest = importlib.import_module("pytest")
    os._exit(int(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:cov", *tests])))


def killed(mutant: Mutant, tests: list[str], tree: Path, timeout: float) -> bool:
    """Whether one of the tests fails, or hangs, with the change."""
    path = tree / mutant.file
    before = path.read_text(encoding="utf-8")
    path.write_text(mutated(mutant), encoding="utf-8")
    child = os.fork()
    if not child:
        _test(tests, tree)
    try:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return status != 0
            time.sleep(0.05)
        os.killpg(child, 9)
        os.waitpid(child, 0)
        return True
    finally:
        path.write_text(before, encoding="utf-8")


def _prepare(worker: int) -> Path:
    """A copy of the working tree of its own, and all imports that no mutant changes."""
    tree = BUILD / f"tree-{worker}"
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    for name in PRELOADED:
        importlib.import_module(name)
    return tree


def _work(worker: int, todo: "multiprocessing.Queue[tuple[Mutant, list[str]] | None]", done: Path) -> None:
    tree = _prepare(worker)
    while (task := todo.get()) is not None:
        mutant, tests = task
        outcome = bool(tests) and killed(mutant, tests, tree, timeout=4 * SECONDS)
        with done.open("a") as results:
            results.write(json.dumps([mutant.key, outcome]) + "\n")
        print(f"{mutant.key} {'killed' if outcome else 'SURVIVED'} ({len(tests)} tests)", flush=True)


def main() -> None:
    """Run the sample, print the survivors and the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, default=ROOT / "build/mutants.jsonl")
    asked = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    coverage = measure_coverage()
    every = mutants()
    sample = random.Random(asked.seed).sample(every, min(asked.mutants, len(every)))
    asked.results.touch()
    results = dict(json.loads(line) for line in asked.results.read_text().splitlines())
    context = multiprocessing.get_context("spawn")
    todo: multiprocessing.Queue[tuple[Mutant, list[str]] | None] = context.Queue()
    unchanged = controls(sample)
    for mutant in [*unchanged, *sample]:
        if mutant.key not in results:
            todo.put((mutant, coverage.tests(mutant)))
    workers = [context.Process(target=_work, args=(n, todo, asked.results)) for n in range(asked.processes)]
    for worker in workers:
        todo.put(None)
        worker.start()
    for worker in workers:
        worker.join()
    results = dict(json.loads(line) for line in asked.results.read_text().splitlines())
    if failing := [mutant.file for mutant in unchanged if results[mutant.key]]:
        sys.exit(f"the tests fail without a change: {', '.join(failing)}")
    outcomes = {mutant.key: results[mutant.key] for mutant in sample if mutant.key in results}
    survivors = [key for key, outcome in outcomes.items() if not outcome]
    print("survivors:", *survivors, sep="\n  ")
    print(f"{1 - len(survivors) / len(outcomes):.1%} of {len(outcomes)} mutants killed, of {len(every)}")


if __name__ == "__main__":
    main()
