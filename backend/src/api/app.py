"""The application: routes, error handling and observation put together around a store."""

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Lifespan

from src.api import imports, nodes, operations
from src.api.dependencies import ImportPolicy
from src.api.metrics import RequestMetrics, register_process_metrics
from src.api.observer import REQUEST_ID_HEADER, RequestObserver
from src.api.problems import install_problem_handlers
from src.domain.ports import GraphStore

_DESCRIPTION: Final = """
Foods, nutrients and compounds, and the weighted, sourced relations between them.

Every error is a problem as RFC 9457 describes it (`application/problem+json`). Every response has
an `X-Request-ID`, which the log has too; send your own to follow a request through.
"""


def build_api(
    store: GraphStore,
    *,
    import_policy: ImportPolicy,
    cors_origins: Sequence[str] = (),
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """Return the application that serves ``store``.

    Args:
        store: where the graph is.
        import_policy: who may import, and how much at once.
        cors_origins: origins whose pages may call the API from a browser.
        lifespan: what to do when the application starts and stops.
    """
    app = FastAPI(
        title="Vitalyst Knowledge Graph",
        version="1.0.0",
        description=_DESCRIPTION,
        lifespan=lifespan,
    )
    # A registry of its own: two applications in one process must not count each other's requests.
    registry = CollectorRegistry()
    register_process_metrics(registry)
    app.state.store = store
    app.state.import_policy = import_policy
    app.state.registry = registry
    install_problem_handlers(app)
    for module in (nodes, imports, operations):
        app.include_router(module.router)
    # The last one added is the outermost: errors that the observer answers need CORS headers too.
    app.add_middleware(RequestObserver, metrics=RequestMetrics(registry))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", REQUEST_ID_HEADER],
        expose_headers=[REQUEST_ID_HEADER],
    )
    return app
