"""A mutation run: change one place of the numerical packages at a time, and see whether a test fails.

A seeded sample; results are appended to a file, so that a run that was cut off continues. `make mutate`.
"""

import argparse
import ast
import copy
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = {
    "stockjax/features": ["tests/features"],
    "stockjax/scoring": ["tests/scoring"],
    "stockjax/baselines": ["tests/baselines"],
    "stockjax/quality": ["tests/quality"],
    "stockjax/sessions.py": ["tests/test_sessions.py"],
    "stockjax/engine": ["tests/engine", "tests/nightly/test_drift_alarms.py", "tests/nightly/test_gate.py"],
}
"""The tests that must notice a change of each package."""

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
    for package in TESTS:
        place = ROOT / package
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            docs = set(_docstrings(tree))
            for number, node in enumerate(ast.walk(tree)):
                if id(node) not in docs:
                    name = str(path.relative_to(ROOT))
                    found += [Mutant(name, number, node.lineno, change) for change in _changes(node)]  # type: ignore[attr-defined]
    return found


def _docstrings(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
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
    tree = copy.deepcopy(ast.parse((ROOT / mutant.file).read_text(encoding="utf-8")))
    node = next(each for number, each in enumerate(ast.walk(tree)) if number == mutant.node)
    if isinstance(node, ast.Compare):
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


def killed(mutant: Mutant, copy_of_tree: Path, timeout: float) -> bool:
    """Whether a test fails, or hangs, with the change."""
    path = copy_of_tree / mutant.file
    before = path.read_text(encoding="utf-8")
    tests = next(names for package, names in TESTS.items() if mutant.file.startswith(package))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
    try:
        path.write_text(mutated(mutant), encoding="utf-8")
        done = subprocess.run(
            command,
            cwd=copy_of_tree,
            env={**os.environ, "PYTHONPATH": str(copy_of_tree)},
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(before, encoding="utf-8")
    return done.returncode != 0


def main() -> None:
    """Run the sample, print the survivors and the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=ROOT / "build/mutants.jsonl")
    parser.add_argument("--timeout", type=float, default=300)
    asked = parser.parse_args()
    every = mutants()
    sample = random.Random(asked.seed).sample(every, min(asked.mutants, len(every)))
    asked.results.parent.mkdir(parents=True, exist_ok=True)
    lines = asked.results.read_text().splitlines() if asked.results.exists() else []
    done: dict[str, bool] = dict(json.loads(line) for line in lines)
    tree = ROOT / "build/mutants"
    subprocess.run(["rm", "-rf", str(tree)], check=True)
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tree)], check=True)
    started = time.monotonic()
    for number, mutant in enumerate(sample, start=1):
        if mutant.key in done:
            continue
        done[mutant.key] = killed(mutant, tree, asked.timeout)
        with asked.results.open("a") as results:
            results.write(json.dumps([mutant.key, done[mutant.key]]) + "\n")
        shown = "killed" if done[mutant.key] else "SURVIVED"
        print(
            f"{number} of {len(sample)}, {time.monotonic() - started:.0f} s: {mutant.key} {shown}", flush=True
        )
    share = sum(done[mutant.key] for mutant in sample) / len(sample)
    print(f"{share:.1%} of {len(sample)} mutants killed, of {len(every)}")


if __name__ == "__main__":
    main()
