from __future__ import annotations

import csv

import numpy as np
import pytest

from lookalike.errors import LookalikeError, UsageError
from lookalike.training.loop import fit, generator, torch_device

torch = pytest.importorskip("torch")


class Stopped(Exception):
    pass


def run(folder, *, epochs=4, patience=0, settings="a", seed=0, resume=True, stop_after=None, rate=0.1, watched=None):
    """Fit y = 2 x by one weight; return the history and the weight."""
    torch.manual_seed(5)
    network = torch.nn.Linear(1, 1, bias=False)
    optimiser = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 10)

    def batches(random):
        for _ in range(3):
            yield torch.from_numpy(random.normal(size=(8, 1)).astype(np.float32))

    def loss(batch):
        noisy = batch * 2 + torch.randn_like(batch) * 0.01  # torch's random numbers are part of the state, too
        return ((network(batch) - noisy) ** 2).mean(), {"batch_size": float(len(batch))}

    values = iter(watched or [])

    def validate():
        return {"val_loss": next(values) if watched else float((network.weight - 2).abs().detach())}

    def progress(done, total, measures):
        if done == stop_after:
            raise Stopped

    history = fit(
        network, folder=folder, batches=batches, loss=loss, validate=validate, optimiser=optimiser,
        scheduler=scheduler, epochs=epochs, patience=patience, seed=seed, settings=settings, resume=resume,
        progress=progress,
    )  # fmt: skip
    return history, float(network.weight.detach())


def test_the_loss_falls_and_the_history_is_written(tmp_path):
    history, weight = run(tmp_path, epochs=6)
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"] / 2
    assert weight == pytest.approx(2, abs=0.2)
    with open(tmp_path / "history.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert float(rows[2]["loss"]) == history.epochs[2]["loss"]
    assert rows[0]["batch_size"] == "8.0"


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_stopped_run_goes_on_and_ends_where_an_unbroken_one_ends(tmp_path, stop_after):
    whole, weight = run(tmp_path / "whole", epochs=5)
    with pytest.raises(Stopped):
        run(tmp_path / "broken", epochs=5, stop_after=stop_after)
    again, same = run(tmp_path / "broken", epochs=5)
    assert again.epochs == whole.epochs
    assert same == weight


def test_another_seed_takes_another_way(tmp_path):
    assert run(tmp_path / "a")[0].epochs != run(tmp_path / "b", seed=1)[0].epochs
    assert run(tmp_path / "c")[0].epochs == run(tmp_path / "d")[0].epochs


def test_training_stops_when_nothing_gets_better_and_the_best_epoch_is_kept(tmp_path):
    watched = [5.0, 3.0, 4.0, 4.0, 2.0, 1.0]
    history, _ = run(tmp_path, epochs=6, patience=2, watched=watched)
    assert (history.best, len(history.epochs), history.stopped_early) == (2, 4, True)
    patient, _ = run(tmp_path / "patient", epochs=6, patience=3, watched=watched)
    assert (patient.best, len(patient.epochs), patient.stopped_early) == (6, 6, False)


def test_the_network_ends_with_the_weights_of_its_best_epoch(tmp_path):
    _, first = run(tmp_path / "one", epochs=1, watched=[1.0])
    _, best = run(tmp_path / "three", epochs=3, watched=[1.0, 2.0, 3.0])
    assert best == first


def test_a_run_of_other_settings_is_not_gone_on_with(tmp_path):
    run(tmp_path, epochs=2)
    with pytest.raises(UsageError, match="other settings"):
        run(tmp_path, epochs=2, settings="b")
    assert len(run(tmp_path, epochs=3, settings="b", resume=False)[0].epochs) == 3


def test_a_damaged_checkpoint_is_named(tmp_path):
    run(tmp_path, epochs=1)
    (tmp_path / "checkpoint.pt").write_bytes(b"no archive")
    with pytest.raises(LookalikeError, match="damaged"):
        run(tmp_path, epochs=2)


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(tmp_path):
    with pytest.raises(LookalikeError, match="smaller learning rate"):
        run(tmp_path, epochs=9, rate=1e30)


def test_random_numbers_depend_on_seed_and_epoch():
    drawn = {(seed, epoch): generator(seed, epoch).random() for seed in (0, 1) for epoch in (1, 2)}
    assert len(set(drawn.values())) == 4
    assert generator(1, 2).random() == drawn[1, 2]


def test_devices_are_named():
    assert torch_device("cpu").type == "cpu"
    with pytest.raises(UsageError, match="not on coreml"):
        torch_device("coreml")
    if not torch.cuda.is_available():
        assert torch_device("auto").type == "cpu"
        with pytest.raises(UsageError, match="no CUDA"):
            torch_device("cuda")
