"""What a person opens in a browser: /, /docs, and what a problem's `type` points to."""

import importlib.resources

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from service.answers import ProblemKind
from service.problem_responses import described
from service.problems import NotFound, catalogue

ASSETS = "/docs/assets"

router = APIRouter()


class _WholeFiles(StaticFiles):
    """Of a part that there is none of, Starlette tells in plain text; so whoever asks for a part gets the whole."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


def install(app: FastAPI) -> None:
    """Adds the pages. Swagger's files come from a package: FastAPI's own page loads them from a CDN, which a hospital's
    network blocks."""
    app.include_router(router)
    app.mount(ASSETS, _WholeFiles(directory=str(importlib.resources.files("fastapi_offline") / "static")))


@router.get("/", include_in_schema=False)
async def get_root() -> RedirectResponse:
    """To the documentation."""
    return RedirectResponse("/docs")


@router.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> HTMLResponse:
    """The interactive documentation."""
    return get_swagger_ui_html(
        openapi_url=str(request.app.openapi_url),
        title=request.app.title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )


@router.get("/problems/{code}", tags=["problems"], responses=described(404))
async def get_problem(code: str) -> ProblemKind:
    """What a problem's `type` points to."""
    kind = catalogue().get(code)
    if kind is None:
        raise NotFound("There is no problem of this code; docs/errors.md lists them.")
    return ProblemKind(code=kind.code, status=kind.status, title=kind.title, retryable=kind.retryable)
