"""A slot asks a lease store for these things, and hears these answers.

Two kinds of store fit. With etcd, a record is the key of a shard, which lives by a lease of etcd: `CreateLease` grants
a lease and puts the key in a transaction that compares the key's revision, `RenewLease` keeps the lease alive,
`RevokeLease` revokes it, and a key whose lease has ended is gone. With Kubernetes, a record is a Lease object:
creating, renewing and revoking are PUTs of it with its resourceVersion, which the server refuses with 409 where
somebody was faster. Nobody takes the record of a dead holder away there, so its age is judged by one's own clock
(`transcoder/fleet/sightings.py`), never by the time that it names.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """The store's record of one shard.

    Attributes:
        shard: the name of the shard.
        revision: changes with every change of the record, renewals included where the store writes them down.
        holder: the slot that holds the shard; None where nobody does.
        lease: names this one holding, of all that there ever were; None where nobody holds the shard.
        expires_by_itself: the store removes the holder when the lease has ended (etcd); otherwise an unchanged record
            is judged by its age (Kubernetes).
    """

    shard: str
    revision: str
    holder: str | None = None
    lease: str | None = None
    expires_by_itself: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtShards:
    """Ask for the records of all shards that this slot may hold."""

    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLease:
    """Take a shard, if its record still has this revision."""

    request: int
    shard: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewLease:
    """Renew a lease for another time to live."""

    request: int
    shard: str
    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeLease:
    """End a lease, so that the shard is free at once; the answer is of no interest."""

    shard: str
    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardsSeen:
    """The store answered with the records of all shards that this slot may hold."""

    request: int
    records: tuple[LeaseRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCreated:
    """The store wrote down that this slot holds the shard."""

    request: int
    shard: str
    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRefused:
    """The record had changed: somebody was faster."""

    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRenewed:
    """The lease lives on."""

    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseGone:
    """The lease has ended in the store.

    Attributes:
        request: the renewal that was asked.
        record: the record as it is now.
    """

    request: int
    record: LeaseRecord


StoreRequest = LookAtShards | CreateLease | RenewLease | RevokeLease
StoreAnswer = ShardsSeen | LeaseCreated | LeaseRefused | LeaseRenewed | LeaseGone
