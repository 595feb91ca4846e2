"""The file server for ClearML clients: multipart POST stores, GET, HEAD and DELETE by path.

Every request needs a token or key pair. Uploads never run in a browser: raster images and plain text are
displayed, all other files are downloads, and every answer is sandboxed.
"""

import json
import os
from functools import partial
from pathlib import PurePosixPath
from typing import Any, NoReturn
from urllib.parse import unquote_plus

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from clearml_flows.localserver.accounts import Accounts
from clearml_flows.localserver.errors import Unauthorized
from clearml_flows.localserver.storage import RefusedPath, Storage, Upload, decode_url_path, split_path

MAX_UPLOAD_BYTES = 20 * 1024**3
_MAX_PARTS = 1000
_MAX_LIST_BYTES = 32 * 1024**2
_SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
}
_SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-site",
    "cache-control": "private, no-cache",
}


def files_app(storage: Storage, accounts: Accounts, max_bytes: int) -> Starlette:
    """Return the ASGI app of the file server. Uploads over `max_bytes` get status 413."""

    async def store(request: Request) -> Response:
        await authorize(request)
        return await _store(request, storage, max_bytes)

    async def serve(request: Request) -> Response:
        await authorize(request)
        return await serve_file(storage, request.scope["raw_path"], shown="download" not in request.query_params)

    async def delete(request: Request) -> Response:
        await authorize(request)
        try:
            segments = decode_url_path(request.scope["raw_path"])
            await anyio.to_thread.run_sync(storage.delete, segments)
        except (RefusedPath, FileNotFoundError):
            _not_found()
        return JSONResponse("/".join(segments))

    async def delete_many(request: Request) -> Response:
        await authorize(request)
        names = _names(await _body(request))
        return JSONResponse(await anyio.to_thread.run_sync(_delete_each, storage, names))

    async def ping(request: Request) -> Response:
        if "authorization" in request.headers:
            await authorize(request)
        return PlainTextResponse("OK", headers=_SAFE_HEADERS)

    async def authorize(request: Request) -> None:
        sent = request.headers.get("authorization", "")
        try:
            await anyio.to_thread.run_sync(accounts.authenticate, sent, request.client.host if request.client else "")
        except Unauthorized:
            raise HTTPException(401, "expected a token or key pair", {"www-authenticate": "Bearer"}) from None

    return Starlette(
        routes=[
            Route("/", store, methods=["POST"]),
            Route("/", ping, methods=["GET", "HEAD"]),
            Route("/delete_many", delete_many, methods=["POST"]),
            Route("/{path:path}", serve, methods=["GET", "HEAD"]),
            Route("/{path:path}", delete, methods=["DELETE"]),
        ],
        exception_handlers={HTTPException: _render, OSError: _render_os_error},
    )


async def serve_file(storage: Storage, raw_path: bytes, shown: bool = True) -> Response:
    """Return a stored file. With `shown=False`, images and text are downloads too.

    Raises:
        HTTPException: 404 if the file does not exist.
    """
    try:
        path, found = await anyio.to_thread.run_sync(storage.find, decode_url_path(raw_path))
    except (RefusedPath, FileNotFoundError):
        _not_found()
    media_type = _SHOWN.get(PurePosixPath(path.name).suffix.lower()) if shown else None
    return FileResponse(
        path,
        stat_result=found,
        filename=path.name,
        media_type=media_type or "application/octet-stream",
        content_disposition_type="inline" if media_type else "attachment",
        headers=_SAFE_HEADERS,
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_LIST_BYTES:
            raise HTTPException(413, f"the body is larger than {_MAX_LIST_BYTES} bytes", {"connection": "close"})
    return body


def _names(body: bytes) -> list[str]:
    """Return the `files` of a JSON body; raises HTTPException 400."""
    try:
        document = json.loads(body or b"null")
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if not document:
        raise HTTPException(400, "Json payload is missing")
    files = document.get("files") if isinstance(document, dict) else None
    if not files:
        raise HTTPException(400, "files are missing")
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        raise HTTPException(400, "files must be a list of paths")
    return files


def _delete_each(storage: Storage, names: list[str]) -> dict[str, Any]:
    """Delete each file or folder: {"deleted": {name: path}, "errors": {reason: [name, …]}}."""
    deleted: dict[str, str] = {}
    failed: dict[str, list[str]] = {}
    for name in names:
        path = unquote_plus(name, errors="surrogateescape")
        problem = _delete_one(storage, path) if path.strip("/") else "Empty path not allowed"
        if problem is None:
            deleted[name] = path
        else:
            failed.setdefault(problem, []).append(name)
    return {"deleted": deleted, "errors": failed}


def _delete_one(storage: Storage, path: str) -> str | None:
    try:
        storage.delete_all(split_path(path.rstrip("/").encode("utf-8", "surrogateescape")))
    except (RefusedPath, FileNotFoundError):
        return "Not found"
    except NotADirectoryError:
        return "Not a file or folder"
    except OSError as error:
        return error.strerror or "Not deleted"
    return None


def _not_found() -> NoReturn:
    raise HTTPException(404, "file not found")


async def _store(request: Request, storage: Storage, max_bytes: int) -> Response:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise HTTPException(415, "expected a multipart form with the path as the name of each file")
    try:
        with storage.receive() as upload:
            form = _Form(upload, options[b"boundary"])
            try:
                await _receive(request, form, max_bytes)
            finally:
                form.abandon()
            await anyio.to_thread.run_sync(upload.commit)
    except (RefusedPath, FormParserError) as error:
        raise HTTPException(400, str(error)) from None
    except ClientDisconnect:
        raise HTTPException(400, "the upload is incomplete") from None
    return JSONResponse(["/".join(path) for path in form.paths])


async def _receive(request: Request, form: "_Form", max_bytes: int) -> None:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise HTTPException(413, f"the upload is larger than {max_bytes} bytes", {"connection": "close"})
        await anyio.to_thread.run_sync(form.write, chunk)
    await anyio.to_thread.run_sync(form.finish)


class _Form:
    """Streaming multipart parser that writes each file to the upload."""

    def __init__(self, upload: Upload, boundary: bytes) -> None:
        self.paths: list[tuple[str, ...]] = []
        self._upload = upload
        self._descriptor: int | None = None
        self._complete = False
        self._name = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_begin": self._begin_header,
                "on_header_field": partial(self._add, "_name"),
                "on_header_value": partial(self._add, "_value"),
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_file,
                "on_part_data": self._write,
                "on_part_end": self._end_file,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def finish(self) -> None:
        self._parser.finalize()
        if not self._complete:
            raise FormParserError("the upload is incomplete")

    def abandon(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _begin_header(self) -> None:
        self._name = self._value = b""

    def _add(self, part: str, data: bytes, start: int, end: int) -> None:
        setattr(self, part, getattr(self, part) + data[start:end])

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value

    def _begin_file(self) -> None:
        if len(self.paths) >= _MAX_PARTS:
            raise FormParserError(f"the upload has more than {_MAX_PARTS} files")
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"filename" not in options:
            raise FormParserError("a part of the upload has no file name")
        # Forms encode a quotation mark in a name as %22. They also encode line breaks, which are refused anyway:
        # https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
        segments = split_path((options.get(b"name") or options[b"filename"]).replace(b"%22", b'"'))
        self._descriptor = self._upload.open(segments)
        self.paths.append(segments)

    def _write(self, data: bytes, start: int, end: int) -> None:
        view = memoryview(data)[start:end]
        while view and self._descriptor is not None:
            view = view[os.write(self._descriptor, view) :]

    def _end_file(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._upload.close(descriptor)

    def _end(self) -> None:
        self._complete = True


def _render(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return PlainTextResponse(error.detail + "\n", error.status_code, {**_SAFE_HEADERS, **(error.headers or {})})


def _render_os_error(_request: Request, error: Exception) -> Response:
    reason: Any = error.strerror if isinstance(error, OSError) else None
    return PlainTextResponse(f"cannot store or read the file: {reason}\n", 500, _SAFE_HEADERS)
