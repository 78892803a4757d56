"""The calls under /api/v1, one after the other."""

from __future__ import annotations

import io
import json
import typing
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

import lookalike
from lookalike import defaults
from lookalike.errors import LibraryNotFoundError
from lookalike.server import Settings, create_app
from lookalike.server.schemas import DuplicatesRequest, FiltersRequest, SearchRequest
from lookalike.server.schemas_explore import ClustersRequest, MapRequest
from tests.server.conftest import BEARER, MARKUP, TOKEN, png, wait_for


def search(client, **body):
    answer = client.post("/api/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def uris(answer, row=0):
    return [hit["uri"] for hit in answer["queries"][row]["results"]]


def test_status_counts_what_the_library_holds_and_names_what_the_server_allows(asked, library):
    facts = asked.get("/api/v1/status").json()
    status = library.status()
    assert (facts["indexed"], facts["failed"], facts["roots"]) == (status.indexed, status.failed, list(status.roots))
    assert facts["max_upload"] == defaults.MAX_UPLOAD
    assert facts["descriptors"]["lite0"] == status.contents


def test_files_that_failed_are_told_by_page_with_their_reason(asked, shelf):
    facts = asked.get("/api/v1/problems").json()
    assert facts["total"] == len(facts["problems"]) >= 1
    assert {"uri": str(shelf.folder / "new/broken.jpg"), "error": "truncated"}.items() <= facts["problems"][0].items()
    assert asked.get("/api/v1/problems", params={"offset": 1000}).json()["problems"] == []


def test_a_search_by_id_leaves_the_query_out_and_finds_its_copy_first(asked, shelf):
    answer = search(asked, queries=[{"id": shelf.id_of(shelf.originals[0])}], k=3)
    assert uris(answer)[0] == str(shelf.folder / "old/copy.jpg")
    assert str(shelf.originals[0]) not in uris(answer)
    assert len(uris(answer)) == 3
    assert answer["queries"][0]["library"] == [shelf.id_of(shelf.originals[0])]


def test_a_search_by_upload_says_that_the_file_is_in_the_library(asked, shelf):
    data = shelf.originals[2].read_bytes()
    sent = asked.post("/api/v1/uploads", files={"picture": ("mine.jpg", data)}).json()
    assert (sent["name"], sent["bytes"], sent["format"]) == ("mine.jpg", len(data), "JPEG")
    assert sent["library"] == [shelf.id_of(shelf.originals[2])]
    answer = search(asked, queries=[{"upload": sent["upload"]}], k=1)
    assert uris(answer) == [str(shelf.originals[2])]
    small = asked.get(f"/api/v1/uploads/{sent['upload']}/thumbnail", params={"side": 128})
    with Image.open(io.BytesIO(small.content)) as image:
        assert (image.format, max(image.size)) == ("WEBP", 128)


def test_one_call_uploads_and_searches_with_all_settings(asked, shelf):
    with Image.open(shelf.originals[1]) as image:
        data = png(image.resize((image.width // 2, image.height // 2)))
    settings = json.dumps({"k": 2, "verify": True, "only": {"under": [str(shelf.folder / "old")]}})
    answer = asked.post(
        "/api/v1/search/upload", files={"picture": ("half.png", data)}, data={"settings": settings}
    ).json()
    hits = answer["queries"][0]["results"]
    assert all("/old/" in hit["uri"] for hit in hits)
    assert {hit["uri"].split("/")[-1]: hit["verdict"] for hit in hits} == {
        "small.jpg": "same-picture", "crop.png": "edited",
    }  # fmt: skip
    assert min(hit["probability"] for hit in hits) > 0.9
    assert answer["verified"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [("{", "no JSON"), ("[]", "JSON object"), ('{"queries": []}', "without queries"), ('{"k": 0}', "settings: k"),
     ('{"colour": 1}', "settings: colour"), ("[" * 90_000, "no JSON")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_named(asked, shelf, settings, said):
    data = shelf.originals[1].read_bytes()
    answer = asked.post("/api/v1/search/upload", files={"picture": ("a", data)}, data={"settings": settings})
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_each_setting_of_a_search_changes_the_answer(asked, shelf):
    query = [{"id": shelf.id_of(shelf.originals[1])}]
    plain = search(asked, queries=query, k=5)
    assert len(uris(search(asked, queries=query, k=4))) == 4
    assert search(asked, queries=query, descriptor="pdq")["descriptor"] == "pdq"
    assert len(uris(search(asked, queries=query, threshold=1e-6))) < 5
    assert uris(search(asked, queries=query, k=5, region=[0, 0, 0.3, 0.3])) != uris(plain)
    two = [*query, {"id": shelf.id_of(shelf.originals[5])}]
    apart, together = search(asked, queries=two, k=5), search(asked, queries=two, k=5, together=True)
    assert (len(apart["queries"]), len(together["queries"])) == (2, 1)
    assert not {str(shelf.originals[1]), str(shelf.originals[5])} & set(uris(together))
    verified = search(asked, queries=query, k=5, verify=True)
    assert {"crop.png", "small.jpg"} == {uri.rsplit("/")[-1] for uri in uris(verified)[:2]}
    evidence = verified["queries"][0]["results"][0]["evidence"]
    assert evidence["reason"]
    assert plain["queries"][0]["results"][0]["evidence"] is None


@pytest.mark.parametrize(
    ("only", "name"),
    [({"under": ["FOLDER/odd"]}, "odd"), ({"before": "2021"}, "old"), ({"label": ["old"]}, "old"),
     ({"after": "2021", "formats": ["jpg"]}, "new"), ({"max_side": 70}, "odd"),
     ({"max_bytes": 20000, "min_bytes": 1000, "formats": ["png"]}, "odd")],
)  # fmt: skip
def test_each_filter_narrows_a_search(asked, shelf, only, name):
    only = {key: [v.replace("FOLDER", str(shelf.folder)) for v in val] if key == "under" else val
            for key, val in only.items()}  # fmt: skip
    found = uris(search(asked, queries=[{"id": shelf.id_of(shelf.originals[0])}], k=50, only=only))
    assert found
    assert {uri.split("/")[-2] for uri in found} == {name}


def test_what_cannot_be_asked_is_one_sentence_in_one_body(asked, shelf):
    id_ = shelf.id_of(shelf.originals[0])
    for status, kind, body in [
        (422, "usage", {"queries": []}),
        (422, "usage", {"queries": [{"id": id_, "url": "http://a"}]}),
        (422, "usage", {"queries": [{"id": id_}], "k": 0}),
        (422, "usage", {"queries": [{"id": id_}], "colour": 1}),
        (400, "unknown descriptor", {"queries": [{"id": id_}], "descriptor": "nothing"}),
        (400, "usage", {"queries": [{"id": id_}], "region": [0.5, 0, 0.9, 1]}),
        (400, "usage", {"queries": [{"id": id_}], "only": {"after": "yesterday"}}),
        (409, "fingerprint", {"queries": [{"id": id_}], "descriptor": "haralick"}),
        (404, "not found", {"queries": [{"id": 99999}]}),
        (400, "usage", {"queries": [{"upload": "gone"}]}),
    ]:
        answer = asked.post("/api/v1/search", json=body)
        found = answer.json()
        assert list(found) == ["ok", "error", "errors", "status"]
        assert (answer.status_code, found["status"], found["ok"]) == (status, status, False), body
        assert answer.headers["x-lookalike-error"] == kind
        assert found["error"] == found["errors"][0]
    nowhere = asked.get("/api/v1/nothing").json()
    assert nowhere == {"ok": False, "error": nowhere["error"], "errors": [nowhere["error"]], "status": 404}
    assert asked.put("/api/v1/status", headers=BEARER).json()["status"] == 405
    assert asked.post("/api/v1/search", content=b"{").status_code == 422
    deep = asked.post("/api/v1/search", content=b"[" * 100_000, headers={"content-type": "application/json"})
    assert deep.status_code in (400, 422)


def test_two_uploads_of_one_name_are_told_apart(asked, shelf):
    good = asked.post("/api/v1/uploads", files={"picture": ("a.jpg", shelf.originals[0].read_bytes())}).json()["upload"]
    other = asked.post("/api/v1/uploads", files={"picture": ("a.jpg", shelf.originals[1].read_bytes())}).json()[
        "upload"
    ]
    answer = search(asked, queries=[{"upload": good}, {"upload": other}], k=1)
    assert [one["query"] for one in answer["queries"]] == ["a.jpg (1)", "a.jpg (2)"]


def test_a_name_with_markup_and_one_that_is_no_utf8_come_back_as_they_are(asked, shelf):
    found = uris(search(asked, queries=[{"id": shelf.id_of(shelf.originals[0])}], k=50))
    assert any(uri.endswith(MARKUP) for uri in found)
    odd = next(uri for uri in found if "\udcff" in uri)
    id_ = shelf.id_of(odd)
    assert asked.get(f"/api/v1/pictures/{id_}").json()["uri"] == odd
    saved = asked.get(f"/api/v1/pictures/{id_}/file")
    assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''not%20%FF%20utf-8.png"


def test_facts_of_several_pictures_come_in_the_order_asked(asked, shelf):
    ids = [shelf.id_of(path) for path in (shelf.originals[3], shelf.originals[0])]
    facts = asked.get("/api/v1/pictures", params={"ids": f"{ids[0]},99999,{ids[1]}"}).json()["pictures"]
    assert [one["id"] for one in facts] == ids
    assert facts[0]["bytes"] == shelf.originals[3].stat().st_size


def test_a_thumbnail_is_small_upright_webp_and_is_kept_by_its_version(asked, shelf):
    id_ = shelf.id_of(shelf.originals[0])
    version = asked.get(f"/api/v1/pictures/{id_}").json()["version"]
    plain = asked.get(f"/api/v1/pictures/{id_}/thumbnail")
    named = asked.get(f"/api/v1/pictures/{id_}/thumbnail", params={"side": 128, "version": version})
    for answer, side in ((plain, 256), (named, 128)):
        with Image.open(io.BytesIO(answer.content)) as image:
            assert (image.format, max(image.size)) == ("WEBP", side)
    assert "no-cache" in plain.headers["cache-control"]
    assert "immutable" in named.headers["cache-control"]
    again = asked.get(f"/api/v1/pictures/{id_}/thumbnail", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert asked.get(f"/api/v1/pictures/{id_}/thumbnail", params={"side": 77}).status_code == 404


def test_two_pictures_are_compared_and_drawn(asked, shelf):
    pair = {"a": {"id": shelf.id_of(shelf.originals[1])}, "b": {"id": shelf.id_of(shelf.folder / "old/crop.png")}}
    facts = asked.post("/api/v1/compare", json=pair).json()
    with lookalike.open(shelf.path) as library:
        same = library.compare(shelf.originals[1], shelf.folder / "old/crop.png")
    assert (facts["verdict"], facts["probability"]) == (same.verdict, same.probability)
    assert facts["distances"] == dict(same.distances)
    transform = np.array(facts["evidence"]["transform"])
    x, y, w = transform @ [facts["width_a"] / 8, 0, 1]  # where the crop begins
    assert abs(x / w) < 3
    assert abs(y / w) < 3
    drawn = asked.post("/api/v1/compare/explain", json=pair)
    with Image.open(io.BytesIO(drawn.content)) as image:
        assert image.format == "PNG"


def test_duplicates_are_found_by_a_job_and_read_by_pages(asked, library):
    assert asked.post("/api/v1/duplicates", json={"level": "edited"}).status_code == 401
    job = asked.post("/api/v1/duplicates", json={"level": "edited"}, headers=BEARER)
    assert job.status_code == 202
    facts = wait_for(asked, job.json()["id"])
    report = library.duplicates(level="edited")
    assert facts["state"] == "done"
    assert facts["result"]["groups"] == len(report.groups) == 2
    whole = asked.get(f"/api/v1/duplicates/{facts['id']}").json()
    assert [[m["uri"] for m in g["members"]] for g in whole["groups"]] == [
        [m.uri for m in g.members] for g in report.groups
    ]
    pages = [asked.get(f"/api/v1/duplicates/{facts['id']}", params={"offset": at, "limit": 1}).json() for at in (0, 1)]
    assert [page["groups"][0] for page in pages] == whole["groups"]
    some = asked.get(f"/api/v1/duplicates/{facts['id']}", params={"verdict": "same-file"}).json()
    assert (some["total"], some["pictures"]) == (1, 2)
    assert asked.get("/api/v1/duplicates/999").status_code == 404


def test_what_a_job_of_another_kind_found_is_not_read(asked):
    job = asked.post("/api/v1/clusters", json={"k": 2}, headers=BEARER).json()["id"]
    wait_for(asked, job)
    answer = asked.get(f"/api/v1/duplicates/{job}")
    assert answer.status_code == 400
    assert "clusters" in answer.json()["error"]


def test_clusters_are_found_by_a_job_with_their_middles_and_members(asked, library):
    job = asked.post("/api/v1/clusters", json={"k": 3}, headers=BEARER).json()["id"]
    facts = wait_for(asked, job)
    from lookalike.cluster import cluster

    made = cluster(library.gallery(), k=3)
    assert facts["result"]["clusters"] == 3
    answer = asked.get(f"/api/v1/clusters/{job}", params={"middle": 1}).json()
    assert [one["pictures"] for one in answer["clusters"]] == list(made.sizes)
    assert [one["middle"][0]["uri"] for one in answer["clusters"]] == list(made.nearest)
    page = asked.get(f"/api/v1/clusters/{job}/1", params={"offset": 1, "limit": 2}).json()
    assert [one["uri"] for one in page["pictures"]] == list(made.members(1)[1:3])
    assert page["total"] == made.sizes[0]
    assert asked.get(f"/api/v1/clusters/{job}/77").status_code == 404


def read_map(body: bytes):
    assert body[:4] == b"LKM1"
    n, categories = np.frombuffer(body, "<u4", 2, 4)
    ids = np.frombuffer(body, "<u4", n, 12)
    x, y, category = np.frombuffer(body, "<u2", 3 * n, 12 + 4 * n).reshape(3, n)
    assert len(body) == 12 + 10 * n
    return int(categories), ids, x, y, category


def test_a_map_has_a_point_a_picture_and_a_lasso_finds_those_within(asked, library, shelf):
    job = asked.post("/api/v1/map", json={"method": "pca"}, headers=BEARER).json()["id"]
    assert wait_for(asked, job)["state"] == "done"
    categories, ids, x, y, category = read_map(asked.get(f"/api/v1/map/{job}").content)
    facts = asked.get(f"/api/v1/map/{job}/categories").json()
    assert categories == len(facts["categories"]) == 3
    assert len(ids) == facts["pictures"] == library.status().indexed
    assert {max(np.ptp(x), np.ptp(y))} == {65535}
    old = {one["name"]: at for at, one in enumerate(facts["categories"])}[str(shelf.folder / "old")]
    uris = {one["id"]: one["uri"] for one in
            asked.get("/api/v1/pictures", params={"ids": ",".join(map(str, ids))}).json()["pictures"]}  # fmt: skip
    assert {uris[id_].split("/")[-2] for id_ in ids[category == old].tolist()} == {"old"}
    middle = int(np.median(x))
    left = [[0, 0], [middle, 0], [middle, 65535], [0, 65535]]
    found = asked.post(f"/api/v1/map/{job}/lasso", json={"polygon": left}).json()
    assert set(found["ids"]) ^ set(ids[x < middle].tolist()) <= set(ids[x == middle].tolist())
    assert 0 < found["total"] < len(ids)


def test_a_map_can_be_coloured_by_cluster_and_label(asked):
    job = asked.post("/api/v1/map", json={"method": "pca"}, headers=BEARER).json()["id"]
    clusters = asked.post("/api/v1/clusters", json={"k": 2}, headers=BEARER).json()["id"]
    wait_for(asked, clusters)
    by = {"by": "cluster", "clusters": clusters}
    assert {one["name"] for one in asked.get(f"/api/v1/map/{job}/categories", params=by).json()["categories"]} == {
        "1",
        "2",
    }
    assert read_map(asked.get(f"/api/v1/map/{job}", params=by).content)[0] == 2
    label = asked.get(f"/api/v1/map/{job}/categories", params={"by": "label"}).json()["categories"]
    assert {one["name"] for one in label} == {"new", "odd", "old"}
    assert asked.get(f"/api/v1/map/{job}", params={"by": "cluster"}).status_code == 400


def test_folders_are_counted(asked, shelf, library):
    found = asked.get("/api/v1/folders").json()["folders"]
    assert [one["path"] for one in found] == [str(shelf.folder / name) for name in ("new", "odd", "old")]
    assert sum(one["pictures"] for one in found) == library.status().indexed


def test_defaults_of_requests_are_those_of_python():
    import inspect

    from lookalike.cluster import cluster
    from lookalike.library import Library
    from lookalike.projection import project

    pairs: list[tuple[Any, Any]] = [(SearchRequest, Library.search), (DuplicatesRequest, Library.duplicates),
                          (MapRequest, project), (ClustersRequest, cluster)]  # fmt: skip
    for model, method in pairs:
        signature = inspect.signature(method).parameters
        shared = [
            name for name in model.model_fields if name in signature and not model.model_fields[name].is_required()
        ]
        assert len(shared) >= 3
        for name in shared:
            theirs = signature[name].default
            ours = model.model_fields[name].default
            assert (tuple(ours) if isinstance(ours, list) else ours) == theirs, (model, name)
    fields = {one: value.default for one, value in FiltersRequest.model_fields.items()}
    plain = lookalike.Filters()
    assert {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()} == {
        name: getattr(plain, name) for name in fields
    }
    levels = typing.get_args(DuplicatesRequest.model_fields["level"].annotation)
    assert levels == defaults.LEVELS
    assert typing.get_args(MapRequest.model_fields["method"].annotation) == defaults.MAP_METHODS
    assert typing.get_args(ClustersRequest.model_fields["method"].annotation) == defaults.CLUSTER_METHODS


def test_it_can_be_mounted_in_another_application(library, shelf):
    outer = FastAPI()
    outer.mount("/pictures", create_app(library, Settings(token=TOKEN, isolated=False, hosts=("shop.example",))))
    client = TestClient(outer, base_url="http://shop.example")
    id_ = shelf.id_of(shelf.originals[0])
    answer = client.post("/pictures/api/v1/search", json={"queries": [{"id": id_}], "k": 1})
    assert uris(answer.json()) == [str(shelf.folder / "old/copy.jpg")]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.post("/pictures/api/v1/index", json={"paths": ["x"]}).status_code == 401
    assert client.get("/pictures/api/v1/openapi.json").json()["info"]["title"] == "Lookalike"
    entry = client.get(f"/pictures/?token={TOKEN}", follow_redirects=False)
    assert (entry.status_code, entry.headers["location"]) == (303, "/pictures/")


def test_a_library_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(LibraryNotFoundError):
        create_app(tmp_path / "none.lookalike")
