"""The OpenAPI document, made to say of errors what the service does, not what FastAPI would do."""

from typing import Any

from fastapi import FastAPI

from service.answers import ProblemAnswer

PROBLEM = ProblemAnswer.__name__
REFERENCE = {"$ref": f"#/components/schemas/{PROBLEM}"}

# FastAPI documents its own 422 for every route with a parameter; here that is a 400 problem.
UNUSED = ("HTTPValidationError", "ValidationError")


# What a client may send its API key in.
KEYS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, made by `melanoserve keys add`."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
GUARDED = {"images", "models"}


class DocumentedApp(FastAPI):
    """FastAPI with the document corrected."""

    def openapi(self) -> dict[str, Any]:
        """The document, made at the first call."""
        if self.openapi_schema is None:
            schema = super().openapi()
            for operation in (operation for path in schema["paths"].values() for operation in path.values()):
                responses = operation["responses"]
                if "application/json" in responses.get("422", {}).get("content", {}):
                    del responses["422"]
                if GUARDED & set(operation["tags"]):
                    # The last says that none may be needed: without keys, as on one's own machine, none is asked for.
                    operation["security"] = [*({name: []} for name in KEYS), {}]
            schema["components"]["securitySchemes"] = KEYS
            components = schema["components"]["schemas"]
            for name in UNUSED:
                components.pop(name, None)
            components[PROBLEM] = ProblemAnswer.model_json_schema()
            self.openapi_schema = schema
        return self.openapi_schema
