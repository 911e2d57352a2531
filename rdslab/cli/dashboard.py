"""dashboard: a study in optuna-dashboard."""

from socketserver import ThreadingMixIn
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from rdslab.cli.options import Storage, StudyFile, app
from rdslab.cli.output import note
from rdslab.errors import RunError, SpecError


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A page asks for a hundred things; nobody wants to read them."""


@app.command()
def dashboard(
    study: StudyFile,
    storage: Storage = None,
    host: Annotated[str, typer.Option("--host", help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8080,
) -> None:
    """Show a study's trials in optuna-dashboard, until Ctrl-C."""
    from rdslab.search.ledger import open_ledger, storage_of
    from rdslab.search.plan import load_study
    from rdslab.search.trials import optunas_storage

    try:
        from optuna_dashboard import wsgi
    except ImportError:
        hint = "pip install 'rdslab[dashboard]'"
        raise SpecError("optuna-dashboard is not installed", hint, where="rdslab dashboard") from None
    found = load_study(study)
    url = storage_of(found, storage)
    open_ledger(found, url)
    try:
        server = make_server(host, port, wsgi(optunas_storage(url)), server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        hint = "give another --port; 0 takes a free one"
        raise RunError(f"cannot be listened at: {error.strerror}", hint, where=f"{host}:{port}") from None
    with server:
        note(f"{found.name}: http://{host}:{server.server_port}/ (Ctrl-C ends it)")
        server.serve_forever()
