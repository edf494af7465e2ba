from docs.hooks.openapi import http_reference

DOCUMENT = {
    "info": {"description": "What it is."},
    "paths": {
        "/things/{name}": {
            "post": {
                "description": "Does a thing.",
                "security": [{"bearer": []}],
                "parameters": [
                    {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "pattern": "a|b"}},
                    {
                        "name": "often",
                        "in": "query",
                        "schema": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}]},
                        "description": "How\noften.",
                    },
                    {"name": "now", "in": "query", "schema": {"type": "boolean", "default": False}},
                ],
                "requestBody": {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in "xy"}},
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                    "404": {"content": {}},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "description": "A thing.",
                "properties": {
                    "kind": {"enum": ["a", "b"]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    "pair": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]},
                    "sizes": {"type": "object", "additionalProperties": {"type": "number"}, "description": "In mm."},
                },
            }
        }
    },
}


def test_the_page_has_everything_of_the_document() -> None:
    page = http_reference(DOCUMENT, [("/docs", "To try out.")], [("gone", 404, False, "It is gone")])
    for line in (
        "What it is.",
        "| [`POST /things/{name}`](#post-things-name) | Does a thing. |",
        "| `GET /docs` | To try out. |",
        "## `POST /things/{name}` { #post-things-name }",
        "| `name` | path | string like `a\\|b` | required |  |",
        "| `often` | query | integer, 1 to 9 |  | How often. |",
        "| `now` | query | boolean | `false` |  |",
        "Body: bytes as `x`, `y`.",
        "Answers `200` with [Thing](#thing) as `application/json`.",
        "[Problems](#problems): `404`.",
        "### Thing { #thing }",
        "| `kind` | `a` or `b` |  |",
        "| `parts` | list of [Thing](#thing) |  |",
        "| `pair` | [number, string] |  |",
        "| `sizes` | object of number | In mm. |",
        "| `gone` | 404 | no | It is gone |",
    ):
        assert line in page.splitlines(), line
    assert "As soon as the service has API keys, it takes one" in page
