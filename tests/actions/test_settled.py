"""Groups that what was done or decided since they were found has settled."""

from __future__ import annotations

import lookalike
from lookalike.actions.settled import DECIDED, GONE, settled_groups
from tests.actions.conftest import fill


def by_group(library, report):
    return {one.group: one.why for one in settled_groups(library, report.groups)}


def test_groups_of_one_and_decided_groups_are_settled_and_others_are_not(tmp_path):
    photos = fill(tmp_path / "photos", groups=4, copies=1)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add([photos], descriptors=["pdq"])
        report = library.duplicates(level="same-file")
        assert [len(group.members) for group in report.groups] == [2, 2, 2, 2]
        assert by_group(library, report) == {}
        first, second, third, _ = report.groups
        gone = first.members[1].uri
        (photos / gone).rename(tmp_path / "elsewhere.png")
        library.prune()
        library.decisions.keep_all([second.keeper.uri])
        library.decisions.keep_folder(photos / "sub 0")
        assert by_group(library, report) == {first.number: GONE, second.number: DECIDED}
        assert [one.at for one in settled_groups(library, report.groups)] == [0, 1]
        assert {one.group for one in settled_groups(library, report.groups[2:])} == set()
        library.decisions.keep_all([third.members[1].uri])
        assert by_group(library, report)[third.number] == DECIDED


def test_a_decision_taken_back_opens_the_group_again(tmp_path):
    photos = fill(tmp_path / "photos", groups=1, copies=1)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add([photos], descriptors=["pdq"])
        report = library.duplicates(level="same-file")
        made = library.decisions.keep_all([report.groups[0].keeper.uri])
        assert by_group(library, report) == {1: DECIDED}
        library.decisions.undo([made.id])
        assert by_group(library, report) == {}
