import asyncio
import threading
from pathlib import Path

import httpx
import pytest

from service.app import CONTRACT_VERSION, create_app
from service.settings import Settings


def test_making_the_app_reads_nothing(tmp_path: Path) -> None:
    """It must be made in no time, whatever the store holds."""
    app = create_app(Settings(store=tmp_path / "none", state=tmp_path / "none"))
    assert app.version == CONTRACT_VERSION


def test_two_apps_share_nothing(pristine_store: Path, tmp_path: Path) -> None:
    served, empty = (create_app(Settings(store=store, state=tmp_path)) for store in (pristine_store, tmp_path))

    async def models(app: object) -> int:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # httpx's own, narrower ASGI type
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return len((await client.get("/models")).json()["models"])

    assert asyncio.run(models(served)) == 2
    assert asyncio.run(models(empty)) == 0


def test_memory_is_given_back_once_a_crowd_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = threading.Event()
    monkeypatch.setattr("service.app.trim", given_back.set)
    app = create_app(Settings(store=tmp_path, state=tmp_path, max_requests=4))
    admission = app.state.context.admission

    async def crowd() -> None:
        async with app.router.lifespan_context(app):
            crowd = [admission.enter(10) for _ in range(3)]
            await asyncio.sleep(1.2)
            assert not given_back.is_set()
            for leave in crowd:
                leave()
            assert await asyncio.to_thread(given_back.wait, 60)

    asyncio.run(crowd())
