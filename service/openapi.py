"""The OpenAPI document, made to say of errors what the service does, not what FastAPI would do."""

from collections.abc import Iterator
from typing import Any, TypeVar

from fastapi import FastAPI
from pydantic import BaseModel

from service.answers import Answer, ProblemAnswer
from service.docstrings import describe, descriptions
from service.parameters import LabelMove, StrictQuery
from service.problems import catalogue

Model = TypeVar("Model", bound=BaseModel)

PROBLEM = ProblemAnswer.__name__


def reference(name: str) -> dict[str, str]:
    """To a schema that the document names once, so that a generated client has one type for it."""
    return {"$ref": f"#/components/schemas/{name}"}


def fhir(resource: str) -> dict[str, Any]:
    """The schema of a FHIR resource: no more of it than its name, for the rest is FHIR's own specification."""
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": resource}},
        "externalDocs": {"url": f"https://hl7.org/fhir/R4/{resource.lower()}.html"},
    }


OUTCOME = fhir("OperationOutcome")

# FastAPI documents its own 422 for every route with a parameter; here that is a 400 problem.
UNUSED = ("HTTPValidationError", "ValidationError")


# What a client may send its API key or access token in.
KEYS = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, made by `melanoserve keys add`; or an access token, where the service takes them.",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
GUARDED = {"images", "models", "audit"}


class DocumentedApp(FastAPI):
    """FastAPI with the document corrected."""

    def openapi(self) -> dict[str, Any]:
        """The document, made at the first call."""
        if self.openapi_schema is None:
            for query in _made_of(StrictQuery):
                for name, description in descriptions(query).items():
                    # FastAPI takes a query parameter's description from the field itself.
                    query.model_fields[name].description = description
            schema = super().openapi()
            for operation in (operation for path in schema["paths"].values() for operation in path.values()):
                responses = operation["responses"]
                if "application/json" in responses.get("422", {}).get("content", {}):
                    del responses["422"]
                for parameter in operation.get("parameters", []):
                    parameter["schema"] = _without_null(parameter["schema"])
                if GUARDED & set(operation["tags"]):
                    # The last says that none may be needed: without keys, as on one's own machine, none is asked for.
                    operation["security"] = [*({name: []} for name in KEYS), {}]
            schema["components"]["securitySchemes"] = KEYS
            components = schema["components"]["schemas"]
            for name in UNUSED:
                components.pop(name, None)
            components[PROBLEM] = ProblemAnswer.model_json_schema()
            components[PROBLEM]["properties"]["code"]["enum"] = sorted(catalogue())
            components[LabelMove.__name__] = LabelMove.model_json_schema()
            for model in _made_of(Answer):
                if model.__name__ in components:
                    describe(model, components[model.__name__])
            describe(LabelMove, components[LabelMove.__name__])
            for name, component in components.items():
                _correct(component, answered=name != LabelMove.__name__)
            self.openapi_schema = schema
        return self.openapi_schema


def _made_of(base: type[Model]) -> Iterator[type[Model]]:
    for model in base.__subclasses__():
        yield model
        yield from _made_of(model)


def _correct(component: dict[str, Any], *, answered: bool) -> None:
    """Says of a component what comes; what is answered has every member, a manifest's too, which its file may lack."""
    properties = component.get("properties", {})
    for name, value in properties.items():
        properties[name] = _without_tuple(value)
    if properties and answered:
        component["required"] = [*properties]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What a parameter may be, where it is given: left out it is None in Python, but null cannot be sent in a query."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if not kinds:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _without_tuple(schema: dict[str, Any]) -> dict[str, Any]:
    """A pair of the same kind as an array of two: few generators know `prefixItems`, and openapi-fetch forgets them."""
    if "anyOf" in schema:
        return schema | {"anyOf": [_without_tuple(kind) for kind in schema["anyOf"]]}
    items = schema.get("prefixItems", [])
    if not items or any(item != items[0] for item in items):
        return schema
    return {name: value for name, value in schema.items() if name != "prefixItems"} | {"items": items[0]}
