"""What a client is told of an error, in whatever form."""

from service.problems import InternalError, Kind, kind_of


def problem_members(error: Exception, request_id: str) -> dict[str, object]:
    """What a client is told of an error.

    Args:
        error: A Problem, or an error that FOREIGN knows; any other becomes an `internal_error` that says nothing.
        request_id: Of the request.
    """
    error, kind = told(error)
    return {
        "type": f"/problems/{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": str(error),
        "code": kind.code,
        "retryable": kind.retryable,
        "request_id": request_id,
    }


def told(error: Exception) -> tuple[Exception, Kind]:
    """The error that a client hears of, and its kind: of one that is nobody's fault but the service's, nothing."""
    kind = kind_of(error)
    if kind is not None:
        return error, kind
    failed = InternalError("The service failed; its log has the request id.")
    return failed, failed.kind
