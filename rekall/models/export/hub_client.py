"""The conversation with a model hub: what a repository holds, the bytes of a file, and what went wrong.

The only room that knows `huggingface_hub`. It works with releases 1.0 to 2.4, whose HTTP library is httpx or httpx2.
Files come through that client's session, with its headers, token and errors, but not through its `hf_hub_download`.
According to its sources, that starts a file from the beginning in the next process (2.4), gives up when the server
closes the connection (1.5), reports no progress (1.0) or only every 10 MB, and waits six minutes for a server that
falls silent (2.4).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from rekall.errors import PullFailed
from rekall.models.export.hub_files import Listing, RemoteFile
from rekall.wording import install_command

COMMIT = re.compile(r"[0-9a-f]{40}")
WITHOUT_A_NETWORK = (
    "without a network use `rekall model import FILE.tar`, or `--from-dir FOLDER` with a folder you copied here"
)

_ATTEMPTS = 4  # in a row without a single new byte
_PAUSE_S = 1.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HELD_PARTS = "run the command again: it goes on where it stopped"


@contextlib.contextmanager
def conversation(repository: str, revision: str | None = None) -> Iterator[None]:
    """Wraps everything said to the hub: the client keeps quiet, and its errors become ours.

    Raises:
        PullFailed: Anything that goes wrong, with a hint.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vars(_constants())["HF_DEBUG"] = False  # prints every request, and ends one that is streamed with 1.0
        import huggingface_hub.utils.logging  # sets the level of its logger, once

        logger = logging.getLogger(huggingface_hub.__name__)
        level = logger.level
        logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        except PullFailed:
            raise
        except Exception as error:  # the client's own, its HTTP library's, the system's; any other is raised again
            problem = _explained(error, repository, revision)
            if problem is None:
                raise
            raise problem from None  # some of them quote the headers, token included
        finally:
            logger.setLevel(level)


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids every connection."""
    return bool(_constants().HF_HUB_OFFLINE)


def hub_hosts() -> set[str]:
    """Hosts whose web pages show models: the usual hub, and the one of HF_ENDPOINT."""
    constants = _constants()
    return {urlsplit(page).netloc for page in (constants.ENDPOINT, constants.HUGGINGFACE_CO_URL_HOME)}


def cache_of(repository: str) -> Path:
    """Where the client keeps what it downloads of a repository: `blobs`, `refs`, and `snapshots` by commit."""
    return Path(_constants().HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"


def workshop() -> Path:
    """The folder under HF_HOME that belongs to Rekall."""
    return Path(_constants().HF_ASSETS_CACHE) / "rekall"


@contextlib.contextmanager
def locked(path: Path, timeout_s: float | None = None) -> Iterator[None]:
    """Hold a lock between processes and threads. Its file stays: removing it while others wait is unsafe.

    Raises:
        TimeoutError: It was not free within `timeout_s`, which must be above 0.
    """
    from huggingface_hub.utils import WeakFileLock

    with WeakFileLock(path, timeout=timeout_s):
        yield


def list_repository(repository: str, revision: str | None) -> Listing:
    """Ask the hub for the commit behind a revision and for its files, with sizes and hashes."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        info = HfApi(library_name="rekall").model_info(
            repository, revision=revision, files_metadata=True, timeout=_constants().HF_HUB_ETAG_TIMEOUT
        )
    except (HfHubHTTPError, UnicodeEncodeError):  # explained elsewhere; some of them are ValueErrors too
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_hub() from error
    if not COMMIT.fullmatch(info.sha or "") or (COMMIT.fullmatch(revision or "") and info.sha != revision):
        raise _no_hub()
    files = {}
    for sibling in info.siblings or ():
        size = sibling.lfs.size if sibling.lfs else sibling.size
        digest = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
        if size is None or not digest:
            raise PullFailed(
                f"{_host()} does not give the sizes and hashes of its files, so they cannot be checked",
                f"unset HF_ENDPOINT to ask another hub; {WITHOUT_A_NETWORK}",
            )
        files[sibling.rfilename] = RemoteFile(sibling.rfilename, size, digest)
    return Listing(repository, str(info.sha), files)


def download(repository: str, commit: str, file: RemoteFile, part: Path, tell: Callable[[int], None]) -> None:
    """Download a file to `part`, going on where an earlier attempt stopped. The bytes are not checked.

    Args:
        repository: As ORGANISATION/NAME.
        commit: 40 hex digits.
        file: What to download.
        part: Where to put it; what it holds already is taken for the beginning.
        tell: Called with the number of bytes so far.
    """
    from huggingface_hub import get_session, hf_hub_url, hf_raise_for_status
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository, file.name, revision=commit)
    headers = {**build_hf_headers(library_name="rekall"), "accept-encoding": "identity"}
    part.touch()
    failures = 0
    while (before := part.stat().st_size) < file.size:
        problem: Exception | None = None
        try:
            with get_session().stream(
                "GET",
                url,
                headers={**headers, "range": f"bytes={before}-"} if before else headers,
                timeout=_constants().HF_HUB_DOWNLOAD_TIMEOUT,
            ) as response:
                hf_raise_for_status(response)
                with part.open("ab" if response.status_code == 206 else "wb") as stream:
                    for chunk in response.iter_bytes():
                        stream.write(chunk)
                        tell(stream.tell())
                        if stream.tell() > file.size:  # not what was asked for; do not fill the disk with it
                            return
        except HfHubHTTPError as error:
            if error.response.status_code < 500:
                raise
            problem = error
        except _http_errors("RequestError") as error:
            problem = error
        failures = 0 if part.stat().st_size > before else failures + 1
        if failures == _ATTEMPTS:
            raise problem or PullFailed(f"{_host()} sends only a part of {file.name}", _HELD_PARTS)
        if problem:
            time.sleep(_PAUSE_S)


def _constants() -> ModuleType:
    """The client's settings, which it takes from the environment when it is imported."""
    # without this the client asks the hub for a list of programs, to name its caller in the user agent
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about variables it no longer knows
        try:
            from huggingface_hub import constants

            urlsplit(constants.ENDPOINT)
        except ImportError as error:
            raise PullFailed(
                f"pulling needs {error.name}, which is not installed", f"run `{install_command('export')}`"
            ) from error
        except ValueError as error:
            raise PullFailed(
                f"huggingface_hub cannot read its settings: {error}",
                "check the environment variables that begin with HF_",
            ) from error
    return constants


def _http_errors(*names: str) -> tuple[type[Exception], ...]:
    """Errors of the HTTP library under the client: httpx with huggingface_hub 1, httpx2 with 2."""
    libraries = [sys.modules[library] for library in ("httpx", "httpx2") if library in sys.modules]
    return tuple(getattr(library, name) for library in libraries for name in names)


def _host() -> str:
    """The hub's host alone: an address may contain a password."""
    return urlsplit(_constants().ENDPOINT).netloc.rpartition("@")[2] or "HF_ENDPOINT"


def _no_hub() -> PullFailed:
    return PullFailed(
        f"{_host()} does not answer like a model hub",
        "check HF_ENDPOINT, and whether a proxy or a login page is in between",
    )


def _explained(error: Exception, repository: str, revision: str | None) -> PullFailed | None:
    """An error in words for the person who pulls; None for a mistake of ours."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return _refused(error, repository, revision)
    if isinstance(error, (UnicodeEncodeError, *_http_errors("LocalProtocolError"))):
        return PullFailed(
            "the access token contains characters that are not allowed in a token",
            "set HF_TOKEN again, or unset it for a public model",
        )
    if isinstance(error, _http_errors("RequestError", "InvalidURL")):
        return _unreachable(error)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return no_room(repository, workshop())
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return PullFailed(
            f"cannot write{where}: {error.strerror or type(error).__name__}", "set HF_HOME to a folder you can write to"
        )
    return None


def no_room(repository: str, folder: Path, missing_bytes: int = 0) -> PullFailed:
    """The error for a disk that cannot hold a download."""
    amount = f": {missing_bytes / 1e6:,.0f} MB more are needed" if missing_bytes else ""
    return PullFailed(
        f"no room left for {repository} in {folder}{amount}",
        "free some space, or set HF_HOME to a folder on another disk",
    )


def _unreachable(error: Exception) -> PullFailed:
    host = _host()
    if isinstance(error, _http_errors("UnsupportedProtocol", "InvalidURL")):
        return PullFailed(f"{host} is not the address of a hub", "HF_ENDPOINT must look like https://HOST")
    if isinstance(error, _http_errors("TimeoutException")):
        return PullFailed(
            f"{host} does not answer", f"check the connection and run the command again; {WITHOUT_A_NETWORK}"
        )
    if isinstance(error, _http_errors("ProxyError")):
        return PullFailed(f"the proxy refuses the connection to {host}", "check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, _http_errors("ConnectError")):
        return PullFailed(
            f"cannot reach {host}: {error or 'no connection'}", f"check the connection; {WITHOUT_A_NETWORK}"
        )
    return PullFailed(f"the connection to {host} was lost", _HELD_PARTS)


def _refused(error: Any, repository: str, revision: str | None) -> PullFailed:
    """What a status code means, given an HfHubHTTPError."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RevisionNotFoundError

    host, status = _host(), int(error.response.status_code)
    scheme = urlsplit(_constants().ENDPOINT).scheme
    if isinstance(error, GatedRepoError):
        return PullFailed(
            f"{repository} is gated: its terms must be accepted first",
            f"accept them at {scheme}://{host}/{repository}, then set HF_TOKEN to a token of that account",
        )
    if isinstance(error, RevisionNotFoundError):
        return PullFailed(
            f"{repository} has no revision {revision!r}", f"run `rekall model pull {repository}` for the latest"
        )
    if isinstance(error, EntryNotFoundError):
        return PullFailed(f"{host} lists a file of {repository} but does not have it", "try again later")
    if status == 401 and get_token():
        return PullFailed(
            f"{host} does not accept the access token for {repository}",
            "check the name, and set HF_TOKEN to a token that is still valid",
        )
    if status == 401:
        return PullFailed(
            f"{host} does not show {repository} without a token: it is private or does not exist",
            "check the name; for a private model set HF_TOKEN",
        )
    if status == 403:
        return PullFailed(
            f"{host} does not let this account read {repository}", "set HF_TOKEN to a token that may read it"
        )
    if status == 404:
        return PullFailed(
            f"there is no model {repository} at {host}", "check the name; for a private model set HF_TOKEN"
        )
    if status == 429:
        return PullFailed(
            f"{host} has had too many requests from here", "wait a few minutes; with HF_TOKEN set it allows more"
        )
    return PullFailed(f"{host} answered with error {status}", "try again later")
