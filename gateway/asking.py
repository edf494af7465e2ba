"""The service, asked through `client/`: an image in, its DICOM SR out, its problems sorted by whether waiting helps."""

from __future__ import annotations

from client import (
    Client,
    DeadlineExceeded,
    NotReachable,
    Patience,
    Problem,
    ServiceFault,
    UnexpectedAnswer,
    UnreadableImage,
)
from gateway.problems import Fault, Refused, TryAgain
from gateway.settings import Settings


class Service:
    """Asks about one image after the other; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        """Opens no connection yet."""
        key = settings.service_key.get_secret_value() if settings.service_key is not None else None
        # The queue is patient itself, and remembers it over a restart.
        patience = Patience(attempts=1)
        self._client = Client(
            settings.service_url, key=key, timeout=settings.timeout, patience=patience, use_proxy=False
        )
        self._asked = self._client.grade_dicom if settings.task == "grade" else self._client.classify_dicom

    def close(self) -> None:
        """Closes what is open."""
        self._client.close()

    def ask(self, image: bytes) -> bytes:
        """The report on an image, both as DICOM files.

        Raises:
            Refused: The image cannot be read; asking again is no use.
            TryAgain: The service is away, full, or refuses the gateway itself: a wrong key or address is the setup's
                fault, and no image is given up for it.
            Fault: The service failed over this image.
        """
        try:
            return self._asked(image)
        except UnreadableImage as error:
            raise Refused(f"service_{error.code}") from error
        except (ServiceFault, DeadlineExceeded) as error:
            raise Fault(f"service_{error.code}", error.retry_after) from error
        except Problem as error:
            raise TryAgain(f"service_{error.code}", error.retry_after) from error
        except NotReachable as error:
            raise TryAgain("service_not_reachable") from error
        except UnexpectedAnswer as error:
            raise TryAgain("service_unexpected_answer") from error
