"""The OpenAPI document: what it promises holds for whatever is sent."""

from __future__ import annotations

import json
import os
import warnings

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from lookalike.client import Client
from tests.server.conftest import BEARER, wait_for

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    schemathesis = pytest.importorskip("schemathesis")

JSON = {"content-type": "application/json"}
_LASTING = ("/index", "/decisions", "/plan", "/apply", "/undo")
TORTURE = bool(os.environ.get("LOOKALIKE_TORTURE"))
QUICKLY = settings(
    max_examples=40 if TORTURE else 8, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def document(asked):
    return asked.get("/api/v1/openapi.json").json()


@pytest.fixture(scope="module")
def jobs(server):
    """Return jobs of each kind that are done."""
    client, done = Client(server.url, server.token), []
    bearer = {"Authorization": f"Bearer {server.token}"}
    for path, body in (("duplicates", {"level": "same-file"}), ("map", {"method": "pca"}), ("clusters", {"k": 2})):
        job = httpx2.post(f"{server.url}/api/v1/{path}", json=body, headers=bearer, timeout=60).json()["id"]
        done.append(client.wait(job)["id"])
    return [*done, done[0]]


def operations(document):
    return [(path, method) for path, methods in document["paths"].items() for method in methods]


def test_every_call_is_named_and_told_and_has_the_one_error_body(document):
    seen = set()
    for path, method in operations(document):
        one = document["paths"][path][method]
        assert one["summary"], path
        assert one["description"], path
        assert one["operationId"] not in seen
        seen.add(one["operationId"])
        for status, answer in one["responses"].items():
            if status.startswith(("4", "5")):
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Problem"), (path, status)
        for parameter in one.get("parameters", []):
            assert parameter["schema"], (path, parameter)
    assert len(seen) >= 25


@pytest.mark.filterwarnings("ignore")  # schemathesis's own
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_whatever_is_sent_no_call_fails_and_each_answers_as_it_says(server, document, jobs, mode):
    """What fits the document, and what does not: never 500, and every answer is of the form that is told."""
    schema = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")
    checks = [schemathesis.checks.response_schema_conformance, schemathesis.checks.not_a_server_error]
    bearer = {"Authorization": f"Bearer {server.token}"}
    statuses: dict[str, set[int]] = {}

    def check(case) -> None:
        if "number" in (case.path_parameters or {}) and case.path_parameters["number"] in (5, 6, 7, 8):
            case.path_parameters["number"] = jobs[case.path_parameters["number"] - 5]
        response = case.call(headers=bearer, timeout=60)
        where = (case.method, case.path, case.path_parameters, case.query, case.body, response.content[:500])
        assert response.status_code < 500, where
        if response.status_code >= 400:
            body = response.json()
            assert list(body) == ["ok", "error", "errors", "status"], where
            assert body["status"] == response.status_code, where
        case.validate_response(response, checks=checks)
        statuses.setdefault(case.operation.label, set()).add(response.status_code)

    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(_LASTING) and operation.method == "post" and mode == "POSITIVE":
            continue  # would index, move or protect what it makes up: pictures that other tests have
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode])
        try:
            given(case=strategy)(QUICKLY(lambda case: check(case)))()
        except Unsatisfiable:
            assert mode == "NEGATIVE", operation.label  # nothing that could be sent is wrong
    assert len(statuses) >= 20
    assert any(200 in found for found in statuses.values())


@pytest.mark.parametrize("path", ["", "\0", "a" * 5000, "\udcff", "http://[", "ftp://example.org", "~", "/\0/../x"])
def test_an_odd_path_to_index_is_an_error_or_a_row(asked, path):
    answer = asked.post("/api/v1/index", content=json.dumps({"paths": [path]}), headers={**BEARER, **JSON})
    assert answer.status_code in (202, 400, 422)
    if answer.status_code == 202:
        facts = wait_for(asked, answer.json()["id"])
        assert facts["state"] in ("done", "failed")
        assert facts["error_kind"] in (None, "usage"), facts


@pytest.mark.parametrize("path", ["", "\0", "a" * 5000, "\udcff", "http://[", "ftp://example.org", "/\0/../x"])
def test_an_odd_path_to_look_under_is_an_error(asked, path):
    body = {"queries": [{"id": 1}], "only": {"under": [path]}}
    answer = asked.post("/api/v1/search", content=json.dumps(body), headers=JSON)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
