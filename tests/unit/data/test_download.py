import http.server
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pipeline.data.download import download
from pipeline.errors import DataError


@dataclass
class Site:
    """What a server on this machine answers."""

    url: str = ""
    body: bytes = b"first"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def site() -> Iterator[Site]:
    answer = Site()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        answer.url = f"http://127.0.0.1:{serving.server_port}/a.csv"
        yield answer
        serving.shutdown()
        thread.join()


def test_a_file_is_fetched_again_when_it_has_changed(site: Site) -> None:
    site.headers = {"ETag": "1"}
    assert download(site.url).read_bytes() == b"first"
    site.body = b"second"
    assert download(site.url).read_bytes() == b"first"
    site.headers = {"ETag": "2"}
    assert download(site.url).read_bytes() == b"second"


def test_a_file_without_a_version_is_fetched_each_time(site: Site) -> None:
    assert download(site.url).read_bytes() == b"first"
    site.body = b"third"
    assert download(site.url).read_bytes() == b"third"


def test_what_the_server_answers_is_said(site: Site) -> None:
    site.status = 404
    with pytest.raises(DataError, match="the server answers 404 Not Found"):
        download(site.url)


def test_a_file_that_breaks_off_is_not_kept(site: Site) -> None:
    site.headers = {"Content-Length": "9"}
    for _ in range(2):
        with pytest.raises(DataError, match="broke off after 5 of 9 bytes"):
            download(site.url)


def test_without_an_answer_the_last_copy_serves(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    download(site.url)

    def refuse(url: str, timeout: float) -> None:
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with caplog.at_level(logging.WARNING):
        assert download(site.url).read_bytes() == b"first"
    assert "no network" in caplog.text
    with pytest.raises(DataError, match="no network"):
        download(site.url + "x")
