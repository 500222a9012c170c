"""Docstrings: examples run, documented parameters exist, and each public name of the API is documented."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import stockjax

MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(stockjax.__path__, "stockjax.")
    if not name.startswith("stockjax.cli.main")
)
ROOT = Path(stockjax.__file__).parent


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_there_are_examples() -> None:
    files = [path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")]
    assert sum(text.count("\n    >>> ") + text.count("\n        >>> ") for text in files) >= 20


def documented(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    """The names in the sections Parameters and Attributes of a docstring."""
    text = ast.get_docstring(node) or ""
    names: list[str] = []
    for section in re.findall(
        r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.M | re.S
    ):
        for line in re.findall(r"^(\S.*)$", section, re.M):
            names += [name.strip().rstrip(":") for name in line.partition(" : ")[0].split(",")]
    return names


def known(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """The parameters of a function, or the fields, properties and parameters of a class."""
    if isinstance(node, ast.FunctionDef):
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        return {argument.arg for argument in every}
    found: set[str] = set()
    for child in node.body:
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            found.add(child.target.id)
        if isinstance(child, ast.FunctionDef):
            found |= known(child) if child.name == "__init__" else {child.name}
    return found


def functions_and_classes() -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def test_every_documented_parameter_exists() -> None:
    wrong = [
        f"{place}: {name}"
        for place, node in functions_and_classes()
        for name in documented(node)
        if name not in known(node)
    ]
    assert wrong == []


def test_the_reference_of_the_api_has_a_docstring_for_each_name() -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        for each in getattr(module, "__all__", []):
            thing = getattr(module, each)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                assert inspect.getdoc(thing), f"{name}.{each} has no docstring"
