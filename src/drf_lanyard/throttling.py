"""How often somebody may try, counted before anything is hashed.

Fixed windows with atomic counters (`add`, `incr`) in Django's default cache. Attempts count per network (an IPv4
address or an IPv6 /64) and per account and network, so that nobody can lock somebody else out from elsewhere.
"""

import logging
import math
import unicodedata

from django.core.cache import cache
from django.utils.crypto import salted_hmac

from .conf import Rate, get_settings
from .core.errors import StoreUnavailable, Throttled
from .transport import HasMeta, address_of, network_of
from .wiring import get_lanyard

logger = logging.getLogger("drf_lanyard")


class Attempts:
    """The counters of one attempt. `action` names what is tried; `account` is what the client calls itself."""

    def __init__(
        self,
        request: HasMeta,
        action: str,
        account: str,
        *,
        by_address: Rate | None,
        by_account: Rate | None,
        from_anywhere: bool = False,
    ) -> None:
        """`from_anywhere`: the account is counted alone, where nobody but its owner (or a thief) gets to try."""
        network = network_of(address_of(request))
        now = get_lanyard().clock.time()
        self._address = _counter(f"{action}.address", network, by_address, now)
        self._account = _counter(
            f"{action}.account", f"{'' if from_anywhere else network}\0{fold(account)}", by_account, now
        )

    def count(self) -> None:
        """Raises `Throttled`, or `StoreUnavailable` if the cache cannot count."""
        for counter in (self._address, self._account):
            if counter is not None:
                counter.count()

    def succeeded(self) -> None:
        """Take this one attempt back from the account, but not from the address.

        Failures stay counted: several accounts may share a counter, since their names are much alike, and who owns one
        of them must not use it to guess at another for ever.
        """
        if self._account is not None:
            self._account.take_back()

    def refund(self) -> None:
        """Take this one attempt back from the address too: for a password sent with every request."""
        self.succeeded()
        if self._address is not None:
            self._address.take_back()


def sign_in_attempts(request: HasMeta, account: str) -> Attempts:
    """The counters of a password tried for `account`, at the sign-in endpoint and in a Basic header alike."""
    limits = get_settings().throttle
    return Attempts(request, "login", account, by_address=limits.login_address, by_account=limits.login_account)


def fold(account: str) -> str:
    """One spelling for what a database's collation, or an eye, takes for the same name.

    Collations ignore case, accents, and characters that show nothing.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", account).casefold())
    return "".join(character for character in plain if unicodedata.category(character)[0] not in "MCZ")


def _counter(scope: str, identity: str, rate: Rate | None, now: float) -> "_Counter | None":
    return None if rate is None else _Counter(scope, identity, rate, now)


class _Counter:
    def __init__(self, scope: str, identity: str, rate: Rate, now: float) -> None:
        self._rate = rate
        # The window is part of the key, since some caches prolong a key's life at each increment.
        window, elapsed = divmod(now, rate.window)
        self._remaining = rate.window - elapsed
        digest = salted_hmac("drf_lanyard.throttle", identity, algorithm="sha256").hexdigest()
        self._key = f"lanyard.throttle.{scope}.{int(window)}.{digest}"

    def count(self) -> None:
        try:
            attempts = self._increment()
        except Exception as error:  # whatever the cache's client raises: uncounted attempts are not let through
            logger.exception("Attempts cannot be counted: the cache failed.")
            raise StoreUnavailable from error
        if attempts > self._rate.limit:
            raise Throttled(math.ceil(self._remaining))

    def _increment(self) -> int:
        cache.add(self._key, 0, timeout=self._rate.window)
        try:
            return cache.incr(self._key)
        except ValueError:  # evicted in between
            cache.add(self._key, 1, timeout=self._rate.window)
            return 1

    def take_back(self) -> None:
        try:
            cache.decr(self._key)
        except ValueError:  # evicted in between
            pass
        except Exception:  # the sign-in has succeeded; the counter ends with its window
            logger.exception("An attempt cannot be taken back: the cache failed.")
