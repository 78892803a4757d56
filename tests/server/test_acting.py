"""Deciding and acting over HTTP: plan, apply, undo, and decisions that the library honours."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from fastapi.testclient import TestClient

import lookalike
from lookalike.actions import read_plan
from lookalike.defaults import ACT, ACTS
from lookalike.server import Settings, create_app
from lookalike.server.schemas_acting import PlanRequest
from tests.actions.conftest import tree
from tests.conftest import write_picture
from tests.server.conftest import BEARER, TOKEN, wait_for


@dataclass
class Desk:
    """A folder of copies, its library, and a client of an application on it."""

    folder: Path
    path: Path
    client: TestClient

    def post(self, path, body, **headers):
        return self.client.post(f"/api/v1/{path}", json=body, headers={**BEARER, **headers})

    def get(self, path):
        answer = self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def job(self, path, body):
        answer = self.post(path, body)
        assert answer.status_code == 202, answer.text
        facts = wait_for(self.client, answer.json()["id"])
        assert facts["state"] == "done", facts
        return facts

    def found(self, level="same-file", **more):
        return self.job("duplicates", {"level": level, **more})

    def groups(self, job):
        return self.get(f"duplicates/{job['id']}")["groups"]

    def names(self):
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def desk(tmp_path):
    """Three pictures, of one three equal files, of the others two each."""
    folder = tmp_path / "photos"
    for number in range(3):
        first = write_picture(folder / f"{number}.png", number + 1, 64, 96)
        shutil.copy2(first, folder / f"{number} copy.png")
    shutil.copy2(folder / "0.png", folder / "0 again.png")
    path = tmp_path / "desk.lookalike"
    with lookalike.open(path) as library:
        library.add(folder)
        app = create_app(library, Settings(token=TOKEN, isolated=False))
        with TestClient(app, base_url="http://127.0.0.1") as client:
            yield Desk(folder, path, client)


def test_plan_apply_undo_gives_an_equal_tree(desk):
    before = tree(desk.folder)
    plan = desk.job("plan", {"job": desk.found()["id"]})
    told = desk.get(f"plan/{plan['id']}")
    going = [row for row in told["rows"] if row["act"] == "quarantine"]
    assert told["files"] == len(going) == 4
    assert told["bytes"] == sum(Path(row["uri"]).stat().st_size for row in going) == plan["result"]["bytes"]
    assert tree(desk.folder) == before
    applied = desk.job("apply", {"plan": plan["id"]})
    assert applied["result"] | {"run": ""} == {"run": "", "done": 4, "bytes": told["bytes"], "plan": plan["id"]}
    assert applied["progress"] == {"stage": "acting", "done": 4, "total": 4, "failed": 0}
    assert not any(Path(row["uri"]).exists() for row in going)
    assert len(desk.names()) == 3
    assert desk.get("history")["runs"][0]["done"] == 4
    undone = desk.job("undo", {"run": applied["result"]["run"]})
    assert undone["result"]["undone"] == 4
    assert tree(desk.folder) == before
    assert desk.get("history")["runs"][0]["state"] == "undone"
    assert len(desk.groups(desk.found())) == 3


def test_what_is_refused_is_told_file_by_file(desk):
    plan = desk.job("plan", {"job": desk.found()["id"]})
    row = next(row for row in desk.get(f"plan/{plan['id']}")["rows"] if row["act"] == "quarantine")
    Path(row["uri"]).write_bytes(b"something else")
    applied = desk.job("apply", {"plan": plan["id"]})
    assert applied["result"]["refused"] == 1
    page = desk.get(f"apply/{applied['id']}?only=refused")
    assert page["counts"] == {"done": 3, "refused": 1}
    assert [one["uri"] for one in page["rows"]] == [row["uri"]]
    assert "changed" in page["rows"][0]["reason"]
    assert Path(row["uri"]).read_bytes() == b"something else"


def test_a_dry_run_does_nothing(desk):
    before = tree(desk.folder)
    plan = desk.job("plan", {"job": desk.found()["id"]})
    applied = desk.job("apply", {"plan": plan["id"], "dry_run": True})
    assert applied["result"]["would"] == 4
    assert applied["result"]["run"] == ""
    assert tree(desk.folder) == before


def test_only_what_was_chosen_is_planned_and_what_was_said_of_a_picture_holds(desk):
    job = desk.found()
    groups = desk.groups(job)
    three = next(group for group in groups if len(group["members"]) == 3)
    keeper, second, third = three["members"]
    asked = {"job": job["id"], "groups": [three["group"]], "keep": [third["id"]], "remove": [keeper["id"]]}
    rows = {row["id"]: row for row in desk.get(f"plan/{desk.job('plan', asked)['id']}")["rows"]}
    assert {id_: row["act"] for id_, row in rows.items()} == {
        keeper["id"]: "quarantine", second["id"]: "quarantine", third["id"]: "keep"
    }  # fmt: skip
    assert rows[third["id"]]["keeper"]
    assert rows[third["id"]]["reason"] == "you kept it"
    asked = {"job": job["id"], "groups": [three["group"]], "keep": [third["id"]]}
    rows = {row["id"]: row for row in desk.get(f"plan/{desk.job('plan', asked)['id']}")["rows"]}
    assert rows[third["id"]]["act"] == "list-only"
    assert rows[second["id"]]["act"] == "quarantine"


def test_one_of_a_group_always_stays(desk):
    job = desk.found()
    group = desk.groups(job)[0]
    asked = {"job": job["id"], "groups": [group["group"]], "remove": [one["id"] for one in group["members"]]}
    told = desk.get(f"plan/{desk.job('plan', asked)['id']}")
    assert (told["files"], told["rows"]) == (0, [])
    assert sum(one["files"] for one in told["left_out"]) == len(group["members"])


def test_filters_by_verdict_choose_groups(desk):
    job = desk.found()
    assert desk.job("plan", {"job": job["id"], "verdict": "edited"})["result"]["files"] == 0
    assert desk.job("plan", {"job": job["id"], "verdict": "same-file", "probability": 1})["result"]["files"] == 4


def test_the_samples_are_twelve_at_most_with_what_stays_and_the_same_at_each_reading(desk):
    plan = desk.job("plan", {"job": desk.found()["id"]})["id"]
    first = desk.get(f"plan/{plan}?limit=1")
    assert len(first["rows"]) == 1
    assert first["total"] == 7
    assert len(first["samples"]) == 4
    for sample in first["samples"]:
        assert sample["row"]["group"] == sample["keeper"]["group"]
        assert sample["keeper"]["keeper"]
        assert sample["row"]["id"] > 0
    assert desk.get(f"plan/{plan}?offset=3")["samples"] == first["samples"]


@pytest.mark.parametrize("face", ["jsonl", "csv"])
def test_a_plan_is_read_as_the_file_that_apply_takes(desk, tmp_path, face):
    plan = desk.job("plan", {"job": desk.found()["id"]})["id"]
    answer = desk.client.get(f"/api/v1/plan/{plan}/file?format={face}")
    assert "attachment" in answer.headers["content-disposition"]
    (tmp_path / f"plan.{face}").write_bytes(answer.content)
    assert len(read_plan(tmp_path / f"plan.{face}").acting) == 4


def test_every_changing_call_wants_the_token(desk):
    for path, body in (
        ("decisions", {"decision": "keep-all", "pictures": [1]}), ("decisions/undo", {"decisions": [1]}),
        ("plan", {"job": 1}), ("apply", {"plan": 1}), ("undo", {}),
    ):  # fmt: skip
        assert desk.client.post(f"/api/v1/{path}", json=body).status_code == 401, path


def test_a_decision_over_http_is_honoured_and_can_be_undone(desk):
    ids = [member["id"] for member in desk.groups(desk.found())[0]["members"]]
    refused = desk.post("decisions", {"decision": "not-duplicates", "pictures": ids})
    assert refused.status_code == 400
    assert "same bytes" in refused.json()["error"]
    kept = desk.post("decisions", {"decision": "keep-all", "pictures": ids}).json()
    assert kept["decision"] == "keep-all"
    with lookalike.open(desk.path, create=False) as library:
        assert len(library.duplicates(level="same-file").groups) == 2
    assert desk.get("decisions")["total"] == 1
    exported = desk.client.get("/api/v1/decisions/export").text.splitlines()
    assert [json.loads(line)["decision"] for line in exported] == ["keep-all"]
    assert desk.post("decisions/undo", {"decisions": [kept["id"]]}).json()["total"] == 1
    with lookalike.open(desk.path, create=False) as library:
        assert len(library.duplicates(level="same-file").groups) == 3


def test_not_duplicates_sets_edited_pictures_apart(shelf, tmp_path):
    shutil.copytree(shelf.path, tmp_path / "own.lookalike")
    app = create_app(tmp_path / "own.lookalike", Settings(token=TOKEN, isolated=False))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        desk = Desk(shelf.folder, tmp_path / "own.lookalike", client)
        pair = next(
            g for g in desk.groups(desk.found("edited")) if "crop.png" in {Path(m["uri"]).name for m in g["members"]}
        )
        ids = [member["id"] for member in pair["members"]]
        assert desk.post("decisions", {"decision": "not-duplicates", "pictures": ids}).status_code == 200
        left = [{m["id"] for m in group["members"]} for group in desk.groups(desk.found("edited"))]
        assert not any(len(group & set(ids)) > 1 for group in left)


def test_a_kept_folder_is_protected_whatever_is_chosen(desk):
    (desk.folder / "best").mkdir()
    shutil.move(desk.folder / "0 again.png", desk.folder / "best" / "0 again.png")
    desk.job("index", {"paths": [str(desk.folder)]})
    assert desk.post("decisions", {"decision": "keep-folder", "folder": str(desk.folder / "best")}).status_code == 200
    job = desk.found()
    group = next(g for g in desk.groups(job) if any(m["protected"] for m in g["members"]))
    assert [member["protected"] for member in group["members"]] == [True, False, False]
    asked = {"job": job["id"], "remove": [group["members"][0]["id"]], "keep": [group["members"][1]["id"]]}
    desk.job("apply", {"plan": desk.job("plan", asked)["id"]})
    assert (desk.folder / "best" / "0 again.png").exists()


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "keep-folder"}, {"decision": "keep-folder", "folder": "/", "pictures": [1]},
        {"decision": "keep-all"}, {"decision": "keep-all", "pictures": [1], "folder": "/"},
        {"decision": "delete", "pictures": [1]},
    ],
)  # fmt: skip
def test_a_decision_that_makes_no_sense_is_an_error(desk, body):
    assert desk.post("decisions", body).status_code == 422


def test_what_is_not_there_is_404(desk):
    assert desk.post("decisions", {"decision": "keep-all", "pictures": [999]}).status_code == 404
    assert desk.post("plan", {"job": 99}).status_code == 404
    assert desk.post("apply", {"plan": 99}).status_code == 404


def test_a_group_that_was_not_found_fails_the_plan(desk):
    answer = desk.post("plan", {"job": desk.found()["id"], "groups": [99]})
    facts = wait_for(desk.client, answer.json()["id"])
    assert (facts["state"], facts["error_kind"]) == ("failed", "usage")
    assert "no group 99" in facts["error"]


def test_the_choice_of_acts_is_that_of_the_defaults():
    fields = PlanRequest.model_fields
    assert fields["act"].default == ACT
    assert get_args(fields["act"].annotation) == ACTS
