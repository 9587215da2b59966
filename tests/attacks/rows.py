"""The attacks by row: what is attacked, and the tests that show that it holds.

The first row with a pattern for a test has the test. `python -m tests.attacks` prints them; tests/attacks/test_rows.py
holds the table and the tests together.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        area: "worker", "its words", "cameras and strangers", "documents and steering" or "proof".
        attack: what is attacked.
        tests: patterns of tests, file::function, from the folder tests.
    """

    area: str
    attack: str
    tests: tuple[str, ...]


WORKER, WORDS, PEERS, DOCUMENTS, PROOF = (
    "worker", "its words", "cameras and strangers", "documents and steering", "proof",
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    Row(WORKER, "signals and descriptors by its own socket", ("attacks/test_worker_system_calls.py::*",)),
    Row(
        WORKER,
        "rights, users, namespaces, files, network",
        ("attacks/test_worker_privileges.py::*", "attacks/test_worker_namespaces.py::*"),
    ),
    Row(WORKER, "new machine code", ("attacks/test_worker_code.py::*",)),
    Row(WORKER, "secrets in its memory, the service's log", ("attacks/test_worker_memory.py::*",)),
    Row(WORKER, "threads, processors, page tables", ("attacks/test_worker_load.py::*",)),
    Row(WORKER, "mutated streams of every codec", ("attacks/test_worker_streams.py::*",)),
    Row(WORKER, "the death of another stream's worker", ("attacks/test_running_gateway.py::*another_streams_worker",)),
    Row(
        WORKER,
        "decoding and encoding apart, other measures",
        ("attacks/test_worker_split.py::*", "attacks/test_sandbox*"),
    ),
    Row(
        WORDS,
        "numbers that end the watch, /metrics",
        (
            "attacks/test_worker_words.py::*number*",
            "attacks/test_worker_words.py::*watch*",
            "attacks/test_worker_words.py::*task*",
            "attacks/test_worker_words.py::*tasks_live*",
        ),
    ),
    Row(
        WORDS,
        "floods of reports and pictures",
        (
            "attacks/test_worker_words.py::*flood*",
            "attacks/test_worker_words.py::*cap*",
            "attacks/test_worker_words.py::*size*",
        ),
    ),
    Row(WORDS, "bytes and text to readers, documents, the log", ("attacks/test_worker_words.py::*",)),
    Row(
        PEERS,
        "a connection that sends fast holds the loop",
        (
            "attacks/test_peers_turns.py::*",
            "attacks/test_running_gateway.py::*flood*",
            "attacks/test_running_gateway.py::*line_rate*",
            "attacks/test_running_gateway.py::*datagrams*",
        ),
    ),
    Row(
        PEERS,
        "the loop's pause ends the fork server",
        (
            "service/test_forkserver_ends.py::test_a_fork_server_that_gets_no_time_is_waited_for",
            "e2e/test_fork_server.py::test_a_busy_machine_costs_no_worker",
        ),
    ),
    Row(
        PEERS,
        "sessions and readers that are left behind",
        (
            "attacks/test_running_gateway.py::*without_a_word*",
            "attacks/test_running_gateway.py::*left_behind*",
            "attacks/test_running_gateway.py::*mutated_requests*",
            "net/test_rtsp_server.py::test_a_request_behind_play_that_is_answered_while_the_connection_closes_takes_effect",
            "net/test_rtsp_server.py::test_sessions_that_a_connection_left_behind_end_with_it",
        ),
    ),
    Row(
        PEERS,
        "strangers shut the doors",
        (
            "attacks/test_peers_doors.py::*[!g]",
            "attacks/test_peers_http.py::*",
            "attacks/test_running_gateway.py::*idle*",
        ),
    ),
    Row(
        PEERS,
        "sessions of somebody else, rights past *",
        (
            "attacks/test_peers_rights.py::test_a_*",
            "attacks/test_peers_rights.py::test_the_*",
            "attacks/test_peers_rights.py::test_rights*",
        ),
    ),
    Row(
        PEERS,
        "guesses of passwords and tokens",
        (
            "attacks/test_peers_guesses.py::*",
            "attacks/test_peers_users.py::*",
            "attacks/test_running_gateway.py::*guesses*",
        ),
    ),
    Row(PEERS, "a browser's login: cookies, other sites, frames, paths", ("attacks/test_peers_browsers.py::*",)),
    Row(PEERS, "a password in clear for somebody in a camera's place", ("attacks/test_peers_downgrade.py::*",)),
    Row(
        PEERS,
        "answers that nobody reads",
        (
            "attacks/test_peers_doors.py::*reading",
            "attacks/test_running_gateway.py::*read_nothing",
        ),
    ),
    Row(
        PEERS,
        "UDP: other addresses, silent sessions, many sessions",
        (
            "attacks/test_peers_udp.py::*",
            "attacks/test_peers_rights.py::*udp*",
        ),
    ),
    Row(
        DOCUMENTS,
        "documents that cost time and memory",
        (
            "attacks/test_documents_size.py::*",
            "attacks/test_running_gateway.py::*document_bomb*",
        ),
    ),
    Row(DOCUMENTS, "answers on another gateway's topics", ("attacks/test_documents_answers.py::*",)),
    Row(DOCUMENTS, "redirects and probes to other servers", ("attacks/test_documents_sources.py::*",)),
    Row(
        PEERS,
        "a camera's descriptions, redirects and certificates",
        ("attacks/test_camera_descriptions.py::*",),
    ),
    Row(DOCUMENTS, "full disks, lost states, lost masks", ("attacks/test_documents_state.py::*",)),
    Row(DOCUMENTS, "secrets and state that everybody may change", ("attacks/test_documents_permissions.py::*",)),
    Row(DOCUMENTS, "addresses of cameras for who may only look", ("attacks/test_camera_addresses.py::*",)),
    Row(DOCUMENTS, "words of a camera in labels and pages", ("attacks/test_camera_words.py::*",)),
    Row(DOCUMENTS, "signals during the start", ("attacks/test_documents_signals.py::*",)),
    Row(
        PROOF,
        "what proves it",
        ("attacks/test_proof*", "attacks/test_rows.py::*", "attacks/test_outcomes.py::*", "attacks/control::*"),
    ),
    Row(DOCUMENTS, "others", ("attacks/test_documents_*",)),
    Row(PEERS, "others", ("attacks/test_peers_*", "attacks/test_running_*")),
    Row(WORKER, "others", ("attacks/*",)),
)

CONTROLS = ("without",)
"""Beginnings of the names of tests that show nothing but the attack, where its measure is off."""

OVERLOADING = ("e2e/test_fork_server.py::test_a_busy_machine_costs_no_worker",)
"""Tests that give the machine more work than it can do: whoever else is on it leaves out pictures, as it should."""


def row_of(test: str) -> Row | None:
    """Return the row of a test, such as attacks/test_x.py::test_y, None for one that is in no row."""
    return next((row for row in ROWS if any(fnmatchcase(test, pattern) for pattern in row.tests)), None)


def outside() -> list[str]:
    """Return the tests of other folders that are in the table."""
    return [pattern for row in ROWS for pattern in row.tests if not pattern.startswith("attacks/")]
