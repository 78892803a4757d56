"""Run what holds each line of docs/reliability.md, with large numbers, and print and write down the figures.

    python tools/torture.py [--small] [--write] [LINE]...

LINE is R1 to S8; without one, all. Each line is run by itself, and its figure written as soon as it is known, so that
a run can be stopped and taken up again by naming the lines that are left. The exit code is 1 if any does not hold.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- figures: make torture -->", "<!-- end of figures -->"
HEAD = "| line | tests | K and what was seen | result | seconds | run |\n|---|--:|---|---|--:|---|"


@dataclass(frozen=True)
class Line:
    """One promise, and the tests that hold it: files, or tests in files, below tests/."""

    number: str
    promise: str
    tests: tuple[str, ...]


def line(number: str, promise: str, *tests: str) -> Line:
    """Return a line; "a.py::b c" are the tests b and c of a file."""
    each = []
    for test in tests:
        file, _, names = test.partition("::")
        each += [f"tests/{file}::{name}" for name in names.split()] or [f"tests/{file}"]
    return Line(number, promise, tuple(each))


LINES = (
    line("R1", "odd pictures: every file found has one row, decoded or with its reason",
         "test_worst_pictures.py::test_every_file_has_one_row_and_the_counts_add_up",
         "test_shared_pictures.py::test_every_odd_file_has_one_row_decoded_or_with_its_typed_reason",
         "test_decode.py::test_every_shared_file_decodes_or_raises_a_typed_error_and_its_hash_agrees"),
    line("R2", "what Pillow decodes is decoded, in 1 GiB and 10 s a file",
         "test_worst_pictures.py::test_no_file_takes_more_than_a_gigabyte_or_ten_seconds",
         "test_decode.py::test_whatever_pillow_decodes_we_decode"),
    line("R3", "hostile folders: over in 10 s, every good file indexed",
         "test_indexing.py::test_hostile_trees_end_soon_with_every_good_file_indexed",
         "sources/test_files.py::test_the_hostile_tree_ends_and_every_good_file_is_read "
         "test_a_fifo_put_in_place_of_a_file_after_the_look_does_not_hang "
         "test_what_this_user_may_not_read_has_its_reason_and_the_rest_is_found"),
    line("R4", "a codec that crashes, spins or wants 8 GiB costs its own file",
         "test_isolation.py::test_a_codec_that_crashes_fails_its_file_and_the_next_one_is_decoded "
         "test_a_codec_that_spins_is_ended_in_time test_a_codec_that_wants_all_memory_does_not_get_it "
         "test_only_the_three_rows_fail_when_a_folder_with_such_files_is_indexed",
         "test_decoding_elsewhere.py::test_duplicates_go_on_past_a_picture_that_crashes_its_codec "
         "test_a_search_says_which_picture_crashed_its_codec_and_answers_the_others "
         "test_problems_of_a_picture_that_crashes_its_codec_say_so"),
    line("R5", "eight EXIF orientations of a picture are one group; HEIF and AVIF turned once",
         "test_shared_pictures.py::test_eight_orientations_of_one_picture_are_one_group",
         "test_decode.py::test_a_picture_is_turned_once_as_its_orientation_says "
         "test_an_avif_is_turned_once_as_its_boxes_say test_sixteen_bit_colours_are_turned_once_too"),
    line("R6", "other 16-bit samples, alpha, flat colours, blank scans: never offered for removal",
         "test_worst_pictures.py::test_what_only_looks_the_same_is_never_offered_for_removal",
         "duplicates/test_find.py::test_low_bits_alpha_and_later_frames_keep_pictures_apart_at_same_pixels "
         "test_flat_and_blank_pictures_are_never_near_duplicates_of_one_another"),
    line("R7", "truncated files are named so and never indexed",
         "test_worst_pictures.py::test_truncated_photographs_are_named_so_and_not_indexed",
         "test_decode.py::test_a_truncated_file_is_named_so_unless_every_sample_is_there "
         "test_a_truncated_photograph_is_named_so_at_any_scale"),
    line("R8", "killed while indexing: opens, nothing promised is lost, ends as an undisturbed run",
         "test_killed.py::test_kills_lose_nothing_and_the_finished_library_equals_an_undisturbed_one "
         "test_a_killed_run_leaves_no_lock_and_its_cache_is_not_believed"),
    line("R9", "a write fails: said, and the old library still searches",
         "test_full_disk.py",
         "test_indexing.py::test_a_full_disk_says_what_is_needed_and_the_old_library_still_searches "
         "test_a_write_that_fails_is_explained_and_a_later_run_ends_as_if_it_had_not",
         "store/test_local.py::test_a_full_disk_keeps_what_was_there"),
    line("R10", "a second writer is refused with the first one's number; a dead one's lock is free",
         "store/test_lock.py", "test_library.py::test_a_second_writer_is_refused_at_once_while_readers_read_on"),
    line("R11", "readers during indexing see whole states",
         "test_library.py::test_readers_in_threads_and_processes_are_never_disturbed_by_indexing",
         "store/test_matrix.py::test_readers_during_writing_see_whole_runs_and_the_right_rows"),
    line("R12", "any damage to a cache file is noticed and the file made again",
         "test_damaged_caches.py",
         "store/test_matrix.py::test_every_flipped_byte_is_noticed_and_the_file_made_again "
         "test_every_truncation_is_noticed_and_the_file_made_again",
         "store/test_local.py::test_every_flipped_byte_is_noticed_and_the_row_or_the_file_made_again "
         "test_every_truncation_is_noticed_and_the_file_made_again",
         "index/test_approximate.py::test_any_damage_to_the_file_is_noticed_before_it_is_used"),
    line("R13", "vectors of another model or preparation are refused, with what to do",
         "test_shared_pictures.py::test_a_query_of_another_kind_of_vector_is_refused",
         "test_indexing.py::test_a_descriptor_that_has_changed_describes_all_again",
         "classify/test_classifier.py::test_vectors_of_another_descriptor_are_refused_with_what_to_do",
         "descriptors/test_onnx.py::test_what_decides_the_vectors_decides_the_fingerprint"),
    line("R14", "no vector with NaN, infinity or nothing but zeros is kept",
         "test_indexing.py::test_plain_and_tiny_pictures_have_finite_vectors_of_unit_length "
         "test_vectors_that_are_zero_or_not_finite_are_a_reason_and_not_stored"),
    line("R15", "10,000 copies of a file are one group in 10 s and 200 MB",
         "test_library.py::test_ten_thousand_copies_of_one_file_are_one_group_in_seconds",
         "duplicates/test_references.py::test_a_thousand_copies_of_one_file_are_one_group_at_once"),
    line("R16", "every member of a group is held against its keeper", "duplicates/test_groups.py"),
    line("R17", "an unplugged disk: nothing removed, offered or read again",
         "test_library.py::test_an_unplugged_folder_loses_nothing_and_is_not_read_again_when_back "
         "test_files_named_one_by_one_survive_an_unplugged_disk_too "
         "test_prune_of_an_unplugged_root_leaves_it_and_takes_the_other",
         "actions/test_plan.py::test_an_offline_root_is_offered_nothing_and_comes_back_unread",
         "actions/test_apply.py::test_nothing_is_done_where_a_root_is_offline"),
    line("D1", "whatever is planned, a readable, byte-verified copy survives", "actions/test_survivors.py"),
    line("D2", "what was done is undone to an equal tree", "actions/test_undo.py"),
    line("D3", "killed or stopped at any step of an act: nothing missing, all comes back",
         "actions/test_killed_acts.py", "actions/test_leftovers.py",
         "test_stopped.py::test_acting_stopped_at_any_file_is_taken_up_again_and_undone"),
    line("D4", "other disks, no trash, read-only, full, no permission: nothing lost, and said",
         "actions/test_disks.py"),
    line("D5", "what changed since the plan is refused; protected folders are never touched",
         "actions/test_apply.py::test_what_has_changed_since_the_plan_is_refused "
         "test_a_protected_folder_is_never_touched_by_whatever_path test_a_hard_link_to_a_protected_keeper_is_refused "
         "test_a_case_insensitive_file_system_is_seen_through",
         "actions/test_plan.py::test_protected_folders_are_never_offered_by_whatever_link "
         "test_what_has_changed_since_it_was_indexed_is_left_out"),
    line("S1", "60 spellings of addresses that are not public: refused before a byte is sent",
         "sources/test_addresses.py",
         "sources/test_remote.py::test_no_spelling_of_a_private_address_reaches_the_network "
         "test_there_are_at_least_sixty_spellings "
         "test_a_name_with_any_private_address_is_refused_before_a_connection "
         "test_a_name_is_resolved_once_and_the_judged_address_dialled "
         "test_a_redirect_to_the_same_name_is_resolved_and_judged_again "
         "test_a_redirect_to_what_would_be_refused_is_refused"),
    line("S2", "other schemes, passwords, ports, proxies refused; endless and slow bodies cut",
         "sources/test_remote.py", "server/test_safe.py::test_a_url_that_the_fetcher_refuses_is_refused_here"),
    line("S3", "uploads over the limit: 413, less than 50 MB of memory, no file left",
         "server/test_safe.py::test_an_upload_over_the_limit_costs_nothing_and_leaves_nothing "
         "test_a_chunked_upload_over_the_limit_is_answered_with_413"),
    line("S4", "bombs: refused within 2 s and 1 GiB",
         "server/test_safe.py::test_a_bomb_is_refused_in_two_seconds_of_work_and_a_gigabyte",
         "test_decode.py::test_a_bomb_is_refused_at_once_and_cheaply test_a_bomb_of_text_costs_little"),
    line("S5", "only indexed pictures are served, as they were indexed",
         "server/test_safe.py::test_no_path_leads_to_a_file "
         "test_only_pictures_that_are_as_they_were_indexed_are_served"),
    line("S6", "names are inert; other sites, hosts and calls without a token are refused", "server/test_guard.py",
         "server/test_serve.py::test_another_address_than_this_machines_wants_a_token "
         "test_only_loopback_goes_without_a_token",
         "server/test_safe.py::test_a_saved_file_is_an_attachment_that_runs_nowhere "
         "test_it_listens_on_this_machine_alone",
         "test_notebook.py::test_no_name_can_break_out_of_the_page"),
    line("S7", "models: checked weights, no pickle runs, nothing outside the file is read",
         "descriptors/test_model_files.py",
         "descriptors/test_lite0.py::test_weights_that_lie_outside_the_checked_file_are_refused "
         "test_damaged_weights_are_refused",
         "classify/test_classifier.py::test_a_pickle_in_the_file_is_refused_unopened "
         "test_no_part_of_the_file_is_a_pickle"),
    line("S8", "ten minutes of fuzzing of all that is read: typed errors only", "test_fuzz.py"),
)  # fmt: skip


def run(one: Line, small: bool) -> list[str]:
    """Run the tests of a line; return the cells of its row of the table."""
    with tempfile.TemporaryDirectory() as temporary:
        table, junit = Path(temporary) / "table", Path(temporary) / "junit.xml"
        environment = os.environ | {"LOOKALIKE_TORTURE": "" if small else "1", "LOOKALIKE_TORTURE_TABLE": str(table)}
        there = [test for test in one.tests if (ROOT / test.partition("::")[0]).exists()]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}"]
        command += there or one.tests
        began = time.monotonic()
        said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        seconds = time.monotonic() - began
        figures = [text.split(" | ") for text in table.read_text().splitlines()] if table.exists() else []
        passed, failed, skipped = _counts(junit)
    if said.returncode or failed or len(there) < len(one.tests):
        print(said.stdout[-4000:], said.stderr[-2000:], file=sys.stderr)
    figures = [cells for cells in figures if len(cells) == 4]
    seen = "; ".join(f"K = {k}, {result} ({what})" for _, k, result, what in figures) or f"K = {passed}, all its tests"
    missing = [test for test in one.tests if test not in there]
    if failed or said.returncode not in (0, 5) or missing:
        result = f"**{failed or 1} failed**" if not missing else f"**not there: {', '.join(missing)}**"
    elif not passed:
        result = "**not run: all skipped**"
    else:
        result = "held" + (f", {skipped} skipped" if skipped else "")
    moment = f"{datetime.now(UTC):%Y-%m-%d}{' small' if small else ''}"
    return [one.number, str(passed), seen.replace("|", "/"), result, f"{seconds:.0f}", moment]


def _counts(junit: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped."""
    if not junit.exists():
        return 0, 1, 0
    suite = ElementTree.parse(junit).getroot().find("testsuite")  # pytest has just written it
    if suite is None:
        return 0, 1, 0
    total, failed, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    return total - failed - errors - skipped, failed + errors, skipped


def written() -> dict[str, list[str]]:
    """Return the rows that the page has."""
    text = PAGE.read_text(encoding="utf-8")
    rows = text[text.index(BEGIN) : text.index(END)].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("| ")]
    return {row[0]: row for row in cells if row[0] in {one.number for one in LINES}}


def write(rows: dict[str, list[str]]) -> None:
    """Put rows into the page, in the order of the lines."""
    text = PAGE.read_text(encoding="utf-8")
    table = "\n".join([HEAD, *("| " + " | ".join(rows[one.number]) + " |" for one in LINES if one.number in rows)])
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(f"{before}\n\n{table}\n\n{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("lines", nargs="*", metavar="LINE")
    parser.add_argument("--small", action="store_true", help="with the numbers of continuous integration")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    options = parser.parse_args(arguments)
    known = {one.number: one for one in LINES}
    if unknown := [name for name in options.lines if name not in known]:
        parser.error(f"there is no line {unknown[0]}: choose of {' '.join(known)}")
    good = True
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}\n\n"
        + HEAD
    )
    for one in [known[name] for name in options.lines] or LINES:
        row = run(one, options.small)
        good = good and row[3].startswith("held")
        print("| " + " | ".join(row) + " |", flush=True)
        if options.write:
            write(written() | {one.number: row})
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
