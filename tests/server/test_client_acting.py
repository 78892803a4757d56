"""The client where it decides, plans, acts and explores: as the library does without a server."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lookalike
from lookalike import Filters, actions, errors
from lookalike.client import Client, ServerError
from lookalike.cluster import cluster
from lookalike.library import Library
from lookalike.projection import on_grid, project
from tests.server.conftest import Server, end, start

PAGE = Path(__file__).parents[2] / "docs/how-to/http-api.md"
CALLS_LEFT_OUT = {
    "/uploads/url", "/uploads/{}/thumbnail", "/search/upload", "/pictures/copies", "/duplicates/{}/settled",
}  # fmt: skip
"""What pages need and scripts do not: `search` sends what it is given, and who searches anew sees what is settled."""


@pytest.fixture(scope="module")
def own(shelf, tmp_path_factory):
    """Return pictures of our own with their library, and a server on it."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(shelf.folder, folder / "pictures")
    with lookalike.open(folder / "own.lookalike") as library:
        library.add(folder / "pictures")
    running = start(folder / "own.lookalike")
    yield running
    end(running)


@pytest.fixture(scope="module")
def client(own: Server) -> Client:
    return Client(own.url, own.token)


@pytest.fixture(scope="module")
def pictures(own: Server) -> Path:
    return own.library.parent / "pictures"


def id_of(own: Server, path: Path) -> int:
    with lookalike.open(own.library, create=False) as library:
        return library.store.known([str(path)])[str(path)].id


def test_what_was_found_is_planned_applied_and_undone(client, own, pictures, monkeypatch):
    monkeypatch.setattr("lookalike.client.wire._PAGE", 2)
    found = client.duplicates(level="edited")
    with lookalike.open(own.library) as library:
        report = library.duplicates(level="edited")
        planned = actions.plan_reviewed(library, report)
    assert (len(found), found.level, found.compared) == (len(report.groups), "edited", report.pictures)
    assert [row[1] for row in found.rows().values] == [row[1] for row in report.rows().values]
    assert found.rows().columns == report.rows().columns
    told: list[dict[str, Any]] = []
    made = client.plan(found, progress=told.append)
    assert told[-1]["state"] == "done"
    assert [row[1:4] for row in made.rows().values] == [row[1:4] for row in planned.rows().values]
    assert (made.bytes, made.plan.left_out) == (sum(row.bytes for row in planned.acting), planned.left_out)
    assert {one["row"]["uri"] for one in made.samples} == {row.uri for row in planned.acting}
    would = client.apply(made, dry_run=True)
    assert would.count("would") == len(planned.acting) == len(would.acted) > 2
    assert all(Path(row.uri).exists() for row in planned.acting)
    report = client.apply(made)
    assert report.count("done") == len(planned.acting)
    assert not any(Path(row.uri).exists() for row in planned.acting)
    (run,) = client.history().runs
    with lookalike.open(own.library) as library:
        assert client.history() == actions.history(library)
    assert (run.run, run.done, run.acts) == (report.run, len(planned.acting), ("quarantine",))
    back = client.undo(run.run)
    assert (back.run, back.count("undone")) == (run.run, len(planned.acting))
    assert all(Path(row.uri).exists() for row in planned.acting)
    client.index(pictures)


def test_each_choice_of_a_plan_arrives(client, own, pictures, tmp_path):
    found = client.duplicates(level="edited")
    everything = client.plan(found)
    groups = {group.number: group for group in found}
    one = min(groups)
    assert {row.group for row in client.plan(found, groups=[one]).plan.acting} == {one}
    exact = client.plan(found.job, verdict="same-file").plan
    assert {row.verdict for row in exact.acting} == {"same-file"}
    assert len(client.plan(found, probability=1.0).plan.acting) < len(everything.plan.acting)
    first = groups[one].members
    kept = client.plan(found, keep=[m["id"] for m in first[1:]], groups=[one])
    assert (kept.files, kept.plan.acting) == (0, ())
    turned = client.plan(found, remove=[groups[one].keeper["id"]], keep=[first[1]["id"]], groups=[one]).plan
    assert [row.uri for row in turned.items if row.keeper] == [first[1]["uri"]]
    moved = client.plan(found, act="move", move_to=tmp_path / "copies")
    assert {(row.act, row.to) for row in moved.plan.acting} == {("move", str(tmp_path / "copies"))}
    assert len(client.plan(found, protect=[pictures / "old"]).plan.acting) < len(everything.plan.acting)
    with pytest.raises(errors.UsageError, match="no group 999"):
        client.plan(found, groups=[999])
    assert len(client.found_duplicates(found.job, verdict="same-file")) == 1
    assert len(client.found_duplicates(found.job, probability=1.0)) < len(found)


def test_decisions_are_those_of_the_library(client, own, pictures):
    ids = [id_of(own, path) for path in sorted((pictures / "new").glob("*.jpg"))[:4] if path.name != "broken.jpg"]
    made = [
        client.decisions.not_duplicates(ids[:2]),
        client.decisions.keep_all([np.int64(ids[2])]),
        client.decisions.keep_folder(pictures / "odd"),
    ]
    with lookalike.open(own.library) as library:
        assert client.decisions.all() == library.decisions.all()
        assert client.decisions.text() == library.decisions.text()
    assert client.decisions.all().decisions == tuple(made)
    assert [one.kind for one in client.decisions.undo([one.id for one in made]).decisions] == [
        "not-duplicates", "keep-all", "keep-folder",
    ]  # fmt: skip
    assert len(client.decisions.all()) == 0
    with pytest.raises(errors.UsageError, match="no decision 99"):
        client.decisions.undo([99])


def test_clusters_and_the_map_are_those_of_the_library(client, own, pictures, monkeypatch):
    monkeypatch.setattr("lookalike.client.wire._PAGE", 3)
    with lookalike.open(own.library) as library:
        gallery = library.gallery()
        ours, places = cluster(gallery, k=3), project(gallery, method="pca")
    theirs = client.cluster(k=3)
    assert tuple(one.pictures for one in theirs.clusters) == ours.sizes
    for one in theirs.clusters:
        uris = [facts["uri"] for facts in theirs.members(one.number)]
        assert uris == list(ours.members(one.number))
        assert [facts["uri"] for facts in one.middle] == uris[:5]
    assert sorted(theirs.rows().values) == sorted(zip(ours.uris, ours.labels.tolist(), strict=True))
    assert [one.pictures for one in client.cluster(ks=(2,)).clusters] == list(cluster(gallery, ks=(2,)).sizes)
    drawn = client.map(method="pca")
    by_id = {facts["id"]: facts["uri"] for facts in client.pictures(drawn.ids.tolist())}
    assert [by_id[number] for number in drawn.ids.tolist()] == list(places.uris)
    assert np.array_equal(drawn.xy, on_grid(places.xy))
    assert drawn.names[0][1] == np.count_nonzero(drawn.categories == 0)
    coloured = client.points(drawn.job, by="cluster", clusters=theirs)
    assert (coloured.categories + 1).tolist() == [
        dict(zip(ours.uris, ours.labels, strict=True))[u] for u in places.uris
    ]
    left = client.lasso(drawn, [(-9, -9), (32767.5, -9), (32767.5, 65544), (-9, 65544)])
    assert sorted(left) == sorted(drawn.ids[drawn.xy[:, 0] <= 32767].tolist())
    assert len(client.map(method="pca", only=Filters(under=str(pictures / "old")), by="label")) < len(drawn)


def test_the_library_is_looked_at(client, own):
    with lookalike.open(own.library) as library:
        assert client.problems() == library.problems()
        assert sum(one["pictures"] for one in client.folders()) == library.status().indexed
        assert [one["id"] for one in client.sample(3, 7)] == [image.id for image in library.store.sample(3, 7)]
    one, two = (facts["id"] for facts in client.sample(2))
    assert client.pictures([two, 10**15, one]) == [client.picture(two), client.picture(one)]
    job = client.jobs()[0]
    assert client.job(job["id"]) == job


def test_what_is_asked_for_again_and_again_is_kept_while_newer_things_are_forgotten(client, own):
    found = client.duplicates(level="same-file")
    plans = [client.plan(found, groups=[]).job for _ in range(10)]
    assert len(client.found_duplicates(found.job)) == len(found)
    with pytest.raises(ServerError, match="no longer kept"):
        client.planned(plans[0])


def test_there_is_a_method_for_every_call_that_a_script_needs(asked):
    folder = Path(inspect.getfile(Client)).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    named = {re.sub(r"\{[^}]*\}", "{}", text) for text in re.findall(r'f?"(/[^"?]*)"', source)}
    calls = {
        re.sub(r"\{\w+\}", "{}", path[len("/api/v1") :]) for path in asked.get("/api/v1/openapi.json").json()["paths"]
    }
    assert calls - named == CALLS_LEFT_OUT


def test_signatures_are_those_without_a_server():
    pairs: list[tuple[Any, Any]] = [
        (Client.cluster, cluster), (Client.map, project), (Client.undo, actions.undo),
        (Client.apply, actions.apply_plan), (Client.index, Library.add), (Client.duplicates, Library.duplicates),
    ]  # fmt: skip
    for theirs, ours in pairs:
        ours_, theirs_ = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
        shared = (set(ours_) & set(theirs_)) - {"self"}
        assert shared
        for name in shared:
            assert ours_[name].default == theirs_[name].default, (theirs, name)


def test_the_example_on_the_page_does_what_it_says(own, pictures, shelf, tmp_path, monkeypatch, capsys):
    if not PAGE.is_file():
        pytest.skip("the docs are not in an installed package")
    section = PAGE.read_text(encoding="utf-8").partition("## From Python")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    said = {"http://127.0.0.1:8000": own.url, '"..."': repr(own.token), "/home/me/Pictures": str(pictures)}
    for words, real in said.items():
        assert words in code
        code = code.replace(words, real)
    shutil.copyfile(shelf.originals[0], tmp_path / "beach.jpg")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), scope)
    before = sorted(pictures.rglob("*"))
    scope["main"]()
    out = capsys.readouterr().out
    assert str(pictures / "new") in out
    assert "to be moved away" in out
    assert "brought back" in out
    assert sorted(pictures.rglob("*")) == before
