"""The HTTP reference: a Markdown page from the service's own OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

Schema = Mapping[str, Any]


def http_reference(
    document: Schema, pages: Iterable[tuple[str, str]], problems: Iterable[tuple[str, int, bool, str]]
) -> str:
    """The page.

    Args:
        document: The OpenAPI document.
        pages: Path and description of what the document leaves out, because people open it.
        problems: Code, status, whether it is retryable, and title of every problem.
    """
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return "\n".join(
        [
            "# HTTP\n",
            "Made from the service's OpenAPI document, which a running service has at `/openapi.json` and shows, to "
            f"try out, at `/docs`.\n\n{document['info']['description']}",
            "| | |\n|---|---|",
            *(f"| [`{method} {path}`](#{_anchor(method, path)}) | {_lead(op)} |" for method, path, op in operations),
            *(f"| `GET {path}` | {text} |" for path, text in pages),
            *(line for operation in operations for line in _operation(*operation)),
            "\n## Bodies\n",
            *(line for name, schema in sorted(_schemas(document)) for line in _schema(name, schema)),
            "\n## Problems\n\n[Errors](../errors.md) says of each what happened and what to do.\n",
            "| code | status | retryable | |\n|---|---|---|---|",
            *(f"| `{c}` | {status} | {'yes' if again else 'no'} | {title} |" for c, status, again, title in problems),
            "",
        ]
    )


def _operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"\n## `{method} {path}` {{ #{_anchor(method, path)} }}\n"
    yield f"{operation.get('description', '')}\n"
    if operation.get("security"):
        yield "As soon as the service has API keys, it takes one, as `Authorization: Bearer KEY` or `X-API-Key: KEY`.\n"
    if parameters := operation.get("parameters", []):
        yield "| parameter | in | type | default | |\n|---|---|---|---|---|"
        yield from map(_parameter, parameters)
    if body := operation.get("requestBody"):
        yield f"\nBody: {_contents(body['content'])}.\n"
    failures = []
    for status, response in sorted(operation["responses"].items()):
        if int(status) < HTTPStatus.BAD_REQUEST:
            content = response.get("content")
            yield f"\nAnswers `{status}` with {_contents(content) if content else 'no body'}.\n"
        else:
            failures.append(f"`{status}`")
    if failures:
        yield f"[Problems](#problems): {', '.join(failures)}.\n"


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    default = "required" if parameter.get("required") else _literal(schema["default"]) if "default" in schema else ""
    text = _cell(parameter.get("description") or schema.get("description", ""))
    return f"| `{parameter['name']}` | {parameter['in']} | {_cell(_type(schema, optional=True))} | {default} | {text} |"


def _contents(content: Schema) -> str:
    return "; or ".join(
        f"{_type(body.get('schema', {}))} as {', '.join(f'`{name}`' for name in names)}"
        for names, body in _grouped(content)
    )


def _grouped(content: Schema) -> list[tuple[list[str], Schema]]:
    """The media types that stand for the same, together."""
    groups: list[tuple[list[str], Schema]] = []
    for name, body in content.items():
        same = next((names for names, other in groups if other == body), None)
        if same is None:
            groups.append(([name], body))
        else:
            same.append(name)
    return groups


def _schemas(document: Schema) -> Iterable[tuple[str, Schema]]:
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    return schemas.items()


def _schema(name: str, schema: Schema) -> Iterator[str]:
    yield f"\n### {name} {{ #{name.lower()} }}\n"
    if text := schema.get("description"):
        yield f"{text}\n"
    if properties := schema.get("properties"):
        yield "| field | type | |\n|---|---|---|"
        for field, value in properties.items():
            yield f"| `{field}` | {_cell(_type(value))} | {_cell(value.get('description', ''))} |"


def _type(schema: Schema, *, optional: bool = False) -> str:
    """What a value is; null goes without saying where it can be left out."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        kinds = [_type(kind) for kind in schema["anyOf"]]
        return " or ".join(kind for kind in kinds if not (optional and kind == "null"))
    if "enum" in schema or "const" in schema:
        return " or ".join(map(_literal, schema.get("enum") or [schema["const"]]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else _tuple(schema)
    if kind == "object":
        return _object(schema)
    return _bounded("bytes" if schema.get("format") == "binary" else str(kind), schema)


def _tuple(schema: Schema) -> str:
    return f"[{', '.join(map(_type, schema.get('prefixItems', [])))}]"


def _object(schema: Schema) -> str:
    if properties := schema.get("properties"):
        return "a form with " + ", ".join(f"`{name}` ({_type(value)})" for name, value in properties.items())
    values = schema.get("additionalProperties")
    return f"object of {_type(values)}" if isinstance(values, Mapping) and values else "object"


def _bounded(kind: str, schema: Schema) -> str:
    if "pattern" in schema:
        return f"{kind} like `{schema['pattern']}`"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind}, {low:g} to {high:g}"
    return f"{kind}, at least {low:g}" if low is not None else kind


def _literal(value: object) -> str:
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _lead(operation: Schema) -> str:
    return _cell(str(operation.get("description", "")).partition("\n\n")[0])


def _anchor(method: str, path: str) -> str:
    words = path.replace("{", "").replace("}", "").strip("/").replace("/", "-")
    return f"{method.lower()}-{words}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
