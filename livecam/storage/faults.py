"""Errors of storages as one sentence, with a hint that fits the cause.

fsspec, botocore and aiohttp name the same cause in many ways. What is looked for are marks: the
names of the classes of an error and of its causes, S3's error codes and the status of HTTP. So
none of these libraries is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from livecam.core.errors import DeviceError, LivecamError, SourceError, file_error
from livecam.core.language import to_translate

MAX_REASON = 200  # characters of what a library says


class Told(Protocol):
    """A place in what is told; as text it shows no secrets."""

    @property
    def is_local(self) -> bool: ...

    @property
    def has_secrets(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """A cause, how it is recognised, and what is said about it."""

    marks: frozenset[str]
    message: str
    hint: str


def _fault(marks: str, message: str, hint: str) -> Fault:
    return Fault(frozenset(marks.split()), message, hint)


# The first that fits is told; a connection that failed is often "not found" too.
FAULTS = (
    _fault(
        "ImportError",
        to_translate("{place} needs a package that is not installed"),
        to_translate("pip install 'livecam[s3]'"),
    ),
    _fault(
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError ProfileNotFound"
        " TokenRetrievalError NoAuthTokenError SSOError LoginError",
        to_translate("there are no credentials for {place}"),
        to_translate(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket"
            " FSSPEC_S3_ANON=true"
        ),
    ),
    _fault(
        "SSLError ClientSSLError",
        to_translate("the certificate of the server of {place} is not accepted"),
        to_translate("check the address; AWS_CA_BUNDLE names certificates of your own for s3://"),
    ),
    _fault(
        "ConnectionError ClientConnectionError HTTPClientError ClientPayloadError TimeoutError"
        " IncompleteReadError gaierror",
        to_translate("{place} cannot be reached, or the connection broke off"),
        to_translate(
            "check the network and the address; AWS_ENDPOINT_URL is that of a server for s3://"
        ),
    ),
    _fault(
        "NoSuchBucket",
        to_translate("the bucket of {place} does not exist"),
        to_translate("check its name and AWS_ENDPOINT_URL, or create it"),
    ),
    _fault(
        "InvalidBucketName ParamValidationError InvalidURL KeyTooLongError",
        to_translate("{place} is no valid address"),
        to_translate("write it like s3://BUCKET/FOLDER/NAME"),
    ),
    _fault(
        "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException 301",
        to_translate("the bucket of {place} is in another region"),
        to_translate("set AWS_DEFAULT_REGION to its region"),
    ),
    _fault(
        "PermissionError AccessDenied 401 403",
        to_translate("access to {place} is denied"),
        to_translate("check the credentials, and what they permit there"),
    ),
    _fault(
        "FileExpired PreconditionFailed 412",
        to_translate("{place} was replaced while it was read"),
        to_translate("try again"),
    ),
    _fault(
        "SlowDown ServiceUnavailable InternalError 429 500 502 503 504",
        to_translate("the server of {place} is overloaded or broken"),
        to_translate("try again later"),
    ),
    _fault(
        "IsADirectoryError",
        to_translate("{place} is a folder, and a file is needed"),
        to_translate("name a file in it"),
    ),
    _fault(
        "NotADirectoryError",
        to_translate("{place} is no folder that can be listed"),
        to_translate("name a folder of a disk or a bucket, or a single file"),
    ),
    _fault(
        "NotImplementedError",
        to_translate("nothing can be written to {place}"),
        to_translate("name a folder of a disk, or s3://BUCKET/FOLDER"),
    ),
    _fault(
        "FileNotFoundError NoSuchKey 404",
        to_translate("{place} does not exist"),
        to_translate("check the name"),
    ),
)
MISSING = FAULTS[-1]
READING = to_translate("{place} cannot be read: {reason}")
WRITING = to_translate("{place} cannot be written: {reason}")
CHECK = to_translate("check the address, and AWS_ENDPOINT_URL for s3://")


@contextmanager
def told(place: Told, kind: type[DeviceError]) -> Iterator[None]:
    """Turns each error of a storage into one of that kind.

    Raises:
        DeviceError: of that kind.
    """
    try:
        yield
    except LivecamError:
        raise
    except Exception as error:
        # An address with a password in it is in the texts of other libraries too.
        raise _told(error, place, kind) from (None if place.has_secrets else error)


def fault_of(error: BaseException) -> Fault | None:
    """Returns the cause of an error of a storage, if it is known."""
    found = set(_marks(error))
    return next((fault for fault in FAULTS if fault.marks & found), None)


def _told(error: Exception, place: Told, kind: type[DeviceError]) -> DeviceError:
    if place.is_local and isinstance(error, OSError):
        return file_error(error, kind, place)
    fault = fault_of(error)
    if fault is not None:
        return kind(fault.message, fault.hint, place=place)
    reason = type(error).__name__ if place.has_secrets else " ".join(str(error).split())
    message = READING if issubclass(kind, SourceError) else WRITING
    words = reason[:MAX_REASON] or type(error).__name__
    return kind(message, CHECK, place=place, reason=words)


def _marks(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield from (each.__name__ for each in type(error).__mro__)
        response = getattr(error, "response", None)  # of botocore
        if isinstance(response, dict):
            yield str(response.get("Error", {}).get("Code"))
        yield str(getattr(error, "status", ""))  # of aiohttp
        error = error.__cause__ or error.__context__
