"""A URL → a file in the cache of `datasets`, fetched again when the server says it has changed.

`datasets` can download as well, but keeps a file without an ETag for ever, and of a 404 it gives
the URL back as the message.
"""

import contextlib
import http.client
import logging
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from pipeline.data.cache import cache_folder, fingerprint, replacing
from pipeline.data.files import one_line
from pipeline.errors import DataError

_TIMEOUT_SECONDS = 30
_log = logging.getLogger(__name__)


def download(url: str) -> Path:
    """The file behind an http(s) URL.

    Without an answer from the server, a copy that was fetched before serves.

    Raises:
        DataError: The file cannot be fetched, and never was.
    """
    folder = cache_folder(fingerprint("url", url))
    try:
        with contextlib.closing(urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS)) as response:
            return _kept(response, folder)
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"the server answers {error.code} {error.reason}"
        raise DataError(f"data.path: {url}: cannot be fetched ({reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(getattr(error, "reason", None) or one_line(error))
        copies = sorted(folder.glob("copy-*"), key=lambda path: path.stat().st_mtime)
        if not copies:
            raise DataError(f"data.path: {url}: cannot be fetched ({reason})") from error
        _log.warning("%s: cannot be fetched (%s); using the copy in %s", url, reason, folder)
        return copies[-1]


def _kept(response: http.client.HTTPResponse, folder: Path) -> Path:
    size = response.headers["Content-Length"]
    version = [response.headers["ETag"], response.headers["Last-Modified"], size]
    path = folder / f"copy-{fingerprint(*version)}"
    if path.exists() and any(version[:2]):
        return path
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        shutil.copyfileobj(response, file)
        if size is not None and file.tell() != int(size):
            raise OSError(f"the connection broke off after {file.tell():,} of {size} bytes")
    return path
