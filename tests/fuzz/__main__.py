"""`python -m tests.fuzz --target all --executions 100000`: from the repository's root."""

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.mutation import Mutator
from tests.fuzz.seeds import FOUND, found
from tests.fuzz.targets import TARGETS

SLOW_S = 1.0
"""No input of 64 KiB takes longer; one that does is a fault."""
MAX_SAVED = 10
"""Inputs kept of one run; the rest is likely the same fault."""


def main() -> int:
    """Run; 0 without a fault, 1 with one."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the cores that read camera bytes.")
    parser.add_argument("--target", default="all", choices=["all", *TARGETS])
    parser.add_argument("--executions", type=int, default=10_000, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, default=FOUND, metavar="DIR", help="where inputs with a fault go")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage; one target")
    given = parser.parse_args()
    names = list(TARGETS) if given.target == "all" else [given.target]
    if given.atheris:
        return guided(names[0], given.executions)
    faults = sum(fuzz(name, given.executions, given.seed, given.save) for name in names)
    return 1 if faults else 0


def fuzz(name: str, executions: int, seed: int, folder: Path) -> int:
    """Run one target on mutated seeds; how many faults it has."""
    target = TARGETS[name]
    mutator = Mutator([*target.seeds(), *found(name)], target.words, random.Random(f"{seed}/{name}"))
    kinds: dict[str, bytes] = {}
    slowest = 0.0
    started = time.monotonic()
    for _ in range(executions):
        data = mutator.next_input()
        before = time.thread_time()
        try:
            target.run(data)
            fault = ""
        except Exception as error:  # noqa: BLE001  # whatever escapes is a fault
            where = traceback.extract_tb(error.__traceback__)[-1]
            fault = f"{type(error).__name__} at {where.filename}:{where.lineno}: {error}"
            key = f"{type(error).__name__} {where.filename} {where.lineno}"
        took = time.thread_time() - before
        slowest = max(slowest, took)
        if not fault and took > SLOW_S:
            fault, key = f"took {took:.2f} s", "slow"
        if fault and (key not in kinds or len(data) < len(kinds[key])):
            kinds[key] = data
            sys.stdout.write(f"{name}: {fault}\n")
    for data in list(kinds.values())[:MAX_SAVED]:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    took = time.monotonic() - started
    sys.stdout.write(
        f"{name}: {executions} executions in {took:.0f} s, slowest {slowest * 1000:.0f} ms, {len(kinds)} faults\n"
    )
    sys.stdout.flush()
    return len(kinds)


def guided(name: str, executions: int) -> int:
    """Run one target under atheris, which ends the process."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra, without types

    target = TARGETS[name]
    corpus = Path(".fuzz-corpus") / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in [*target.seeds(), *found(name)]:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    atheris.instrument_all()
    arguments = [sys.argv[0], str(corpus), f"-atheris_runs={executions}", "-max_len=4096", "-timeout=5"]
    atheris.Setup(arguments, target.run)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
