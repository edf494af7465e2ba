"""The docstrings below the fields of a model, as their descriptions.

Pydantic would read them itself (`use_attribute_docstrings`), but at every start, which then takes a tenth of a second
longer; they are wanted where a document or a help text is made.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Field -> the docstring below it, of those that have one, inherited ones included."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base is not BaseModel and issubclass(base, BaseModel):
            found |= _own(base)
    return {name: found[name] for name in model.model_fields if name in found}


def describe(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Writes the descriptions into a JSON schema of the model."""
    for name, description in descriptions(model).items():
        schema["properties"][name].setdefault("description", description)


def _own(model: type[BaseModel]) -> dict[str, str]:
    return dict(_below_fields(_classes(sys.modules[model.__module__].__file__ or "")[model.__qualname__]))


@cache
def _classes(file: str) -> dict[str, ast.ClassDef]:
    body = ast.parse(Path(file).read_bytes()).body if file else []
    return {statement.name: statement for statement in body if isinstance(statement, ast.ClassDef)}


def _below_fields(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(ast.Constant(str(text))):
                    yield field.target.id, inspect.cleandoc(text)
