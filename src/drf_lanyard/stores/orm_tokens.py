"""API tokens on Django's ORM. The contract is `core.ports.ApiTokenStore`."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import router
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Greatest

from ..core.model import ApiTokenState, Entry, NewApiToken
from ..models import ApiToken, Revocation
from .dialect import DatabaseNow, write_transaction
from .orm import append

#: How many tokens one statement names.
BATCH = 200


class OrmApiTokens:
    """`ApiTokenStore` on one database: the one that holds the log, so that what is written there is read."""

    def __init__(self, alias: str | None = None) -> None:
        self.alias = alias or router.db_for_write(ApiToken)

    def add(self, owner: Any, new: NewApiToken) -> None:
        now = DatabaseNow()
        ApiToken.objects.using(self.alias).create(
            id=new.id,
            user_id=owner,
            name=new.name,
            digest=new.digest,
            hint=new.hint,
            scope=new.scope,
            created_at=now,
            expires_at=None if new.lifetime is None else now + Value(float(new.lifetime)),
            idle_lifetime=new.idle_lifetime,
        )

    def find(self, digest: str) -> ApiTokenState | None:
        rows = ApiToken.objects.using(self.alias).select_related("user").filter(digest=digest)
        found: Any = next(iter(rows.annotate(_epoch=F("user__lanyard_epoch__epoch"), _now=DatabaseNow())), None)
        if found is None:
            return None
        return ApiTokenState(
            id=found.id,
            subject=str(found.user.pk),
            scope=found.scope,
            created_at=found.created_at,
            expires_at=found.expires_at,
            idle_lifetime=found.idle_lifetime,
            last_used_at=found.last_used_at,
            user_active=getattr(found.user, "is_active", True),
            epoch=found._epoch or 0,
            now=found._now,
            user=found.user,
        )

    def delete(self, token_ids: Collection[UUID], owner: Any = None) -> list[Entry]:
        wanted = Q() if owner is None else Q(user_id=owner)
        keys = sorted(set(token_ids))
        return [
            entry
            for start in range(0, len(keys), BATCH)
            for entry in self._delete(wanted & Q(pk__in=keys[start : start + BATCH]))
        ]

    def _delete(self, wanted: Q) -> list[Entry]:
        alias = self.alias
        with write_transaction(alias):
            rows = ApiToken.objects.using(alias).filter(wanted)
            ids = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
            if not ids:
                return []
            ApiToken.objects.using(alias).filter(pk__in=ids)._raw_delete(alias)
            return append(alias, [Revocation.of_credential(token_id) for token_id in ids])

    def touch(self, used: Mapping[UUID, float]) -> None:
        keys = sorted(used)
        for start in range(0, len(keys), BATCH):
            ids = keys[start : start + BATCH]
            moments = Case(*(When(pk=token_id, then=Value(used[token_id])) for token_id in ids))
            rows = ApiToken.objects.using(self.alias).filter(pk__in=ids)
            rows.update(last_used_at=Greatest(moments, Coalesce("last_used_at", Value(0.0))))
