"""Crews: wide layers are shared out between threads, and no bit depends on how many there are."""

import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab.checkpoint import Keeper
from nnlab.cli import session
from nnlab.cli.session import Means
from nnlab.nn import crew as crews
from nnlab.nn import slabs
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.crew import ALONE, Crew
from nnlab.nn.losses import LOSSES
from nnlab.nn.mlp import Network, Workspace
from nnlab.nn.optimizers import OPTIMIZERS
from nnlab.nn.outputs import OUTPUTS
from nnlab.nn.slabs import cut, cut_units
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.test_checkpoint import Album
from tests.test_population import digest

pytestmark = pytest.mark.usefixtures("deadline")

WAIT = 20.0  # seconds


@pytest.fixture
def crew() -> Iterator[Crew]:
    with closing(Crew(3)) as three:
        yield three


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that train in a moment are shared out like wide ones."""
    monkeypatch.setattr(slabs, "LEAST_UNITS", 96)
    monkeypatch.setattr(slabs, "LEAST_WORK", 1 << 12)
    monkeypatch.setattr(crews, "LEAST_NUMBERS", 1 << 11)


# --- pieces and threads ---------------------------------------------------------------------------


def test_pieces_are_carried_out_side_by_side(crew: Crew) -> None:
    meeting = threading.Barrier(3, timeout=WAIT)  # nobody passes before all three are there
    arrived: list[int] = []
    crew.run([lambda: arrived.append(meeting.wait())] * 3)
    assert sorted(arrived) == [0, 1, 2]


def test_every_piece_is_carried_out_once(crew: Crew) -> None:
    done: list[int] = []
    for _ in range(50):
        crew.run([partial(done.append, i) for i in range(7)])
    assert sorted(done) == sorted(list(range(7)) * 50)


def test_a_piece_that_is_held_up_does_not_hold_up_the_others(crew: Crew) -> None:
    others = threading.Semaphore(0)

    def wait_for_the_others() -> None:
        assert all(others.acquire(timeout=WAIT) for _ in range(9))

    crew.run([wait_for_the_others, *[others.release] * 9])


@pytest.mark.parametrize("error", [ValueError("a piece"), MemoryError(), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("place", [0, 5])
def test_what_a_piece_raises_reaches_the_caller(crew: Crew, error: BaseException, place: int) -> None:
    def fail() -> None:
        raise error

    done: list[int] = []
    pieces: list[Any] = [partial(done.append, i) for i in range(5)]
    with pytest.raises(type(error)) as caught:
        crew.run([*pieces[:place], fail, *pieces[place:]])
    assert caught.value is error
    assert sorted(done) == list(range(5))
    crew.run([partial(done.append, 9)] * 3)  # and the crew goes on
    assert done[-3:] == [9, 9, 9]


def test_an_exception_of_a_helper_reaches_the_caller(crew: Crew) -> None:
    caller, meeting = threading.get_ident(), threading.Barrier(3, timeout=WAIT)

    def fail_elsewhere() -> None:
        meeting.wait()
        if threading.get_ident() != caller:
            raise ValueError("elsewhere")

    with pytest.raises(ValueError, match="elsewhere"):
        crew.run([fail_elsewhere] * 3)


def test_threads_start_with_the_first_work_and_end_with_the_crew() -> None:
    def count() -> int:
        return sum(thread.name == "nnlab-crew" for thread in threading.enumerate())

    with closing(Crew(4)) as four:
        four.run([lambda: None])  # one piece needs no help
        assert count() == 0
        four.run([lambda: None] * 2)
        assert count() == 3
    assert count() == 0


def test_threads_ignore_the_floating_point_errors_that_the_caller_ignores() -> None:
    meeting = threading.Barrier(3, timeout=WAIT)

    def overflow() -> None:
        meeting.wait()
        np.exp(np.full(4, 1e4))

    with np.errstate(over="ignore"), closing(Crew(3)) as three:
        three.run([overflow] * 3)
    with np.errstate(over="raise"), closing(Crew(3)) as three, pytest.raises(FloatingPointError):
        three.run([overflow] * 3)


# --- what is shared out ---------------------------------------------------------------------------


@pytest.mark.parametrize("units", [512, 513, 700, 1024, 1025, 2048, 4100, 10_000])
def test_the_parts_of_a_wide_layer_are_all_its_units_and_even_in_number(units: int) -> None:
    parts = cut_units(units, 1 << 30)
    assert [unit for part in parts for unit in range(units)[part]] == list(range(units))
    assert len(parts) % 2 == 0
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) < 2 * slabs.GROUP
    assert all(part.start % slabs.GROUP == 0 for part in parts)


@pytest.mark.parametrize("runs", [1, 3])
def test_where_a_layer_is_cut_does_not_depend_on_the_number_of_threads(runs: int) -> None:
    wide = [cut(runs, 1500, 1 << 28, Crew(threads)) for threads in (1, 2, 8)]
    assert wide[0] == wide[1] == wide[2]
    assert len(wide[0]) == 2 * runs


def test_runs_of_many_small_networks_are_shared_out_if_that_pays(crew: Crew) -> None:
    assert len(cut(64, 64, 64 * 64 * 32, crew)) == 1  # 64 runs of 64-64, batch 32
    parts = cut(64, 256, 256 * 256 * 32, crew)
    assert [run for runs, _ in parts for run in range(64)[runs]] == list(range(64))
    assert len(parts) == 8
    assert len(cut(64, 256, 256 * 256 * 32, ALONE)) == 1


def test_columns_are_shared_out_if_there_are_many(crew: Crew) -> None:
    shares = crew.columns(np.empty((1, 2_000_003), np.int8))
    assert [column for share in shares for column in range(2_000_003)[share]] == list(range(2_000_003))
    assert len(shares) == 6
    assert len(crew.columns(np.empty((1, 500_000), np.int8))) == 1
    assert len(ALONE.columns(np.empty((1, 2_000_003), np.int8))) == 1


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("activation", ["relu", "gelu", "identity"])
def test_a_layer_in_parts_computes_what_the_whole_layer_does(
    runs: int, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = ACTIVATIONS[activation]()
    network = Network((30, 600, 1100, 3), (f, f), OUTPUTS["softmax"](), LOSSES["cross_entropy"](), "float64")
    rng = np.random.default_rng(0)
    params = rng.normal(0, 0.05, (runs, network.width))
    masks = [rng.integers(0, 2, (runs, units, 40)) * 2.0 for units in (600, 1100)]
    answers = []
    for least in (1 << 24, 1 << 60):
        monkeypatch.setattr(slabs, "LEAST_WORK", least)
        with closing(Crew(2)) as two:
            space = Workspace(network, runs, 40, dropout=True, crew=two)
            space.x[:] = np.linspace(-1, 1, 40)[:, np.newaxis]
            space.targets[:] = np.eye(3)[np.arange(40) % 3]
            grads = np.zeros_like(params)
            z = space.forward(network.layers(params), masks).copy()
            space.backward(network.layers(params), network.layers(grads), masks)
        answers.append((z, grads))
    (z, grads), (whole_z, whole_grads) = answers
    np.testing.assert_allclose(z, whole_z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(grads, whole_grads, rtol=1e-10, atol=1e-12)
    assert np.abs(grads).max() > 1e-3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_steps_on_some_columns_as_on_all(name: str) -> None:
    rng, rule = np.random.default_rng(1), OPTIMIZERS[name]()
    params, grads = (rng.standard_normal((2, 999), dtype="f4") for _ in range(2))
    halves = [params[:, :500].copy(), params[:, 500:].copy()]
    states = [rule.init(half) for half in halves]
    state = rule.init(params)
    for _ in range(3):
        rule.step(params, grads, state)
        for half, own, part in zip(halves, states, (grads[:, :500], grads[:, 500:]), strict=True):
            rule.step(half, part, own)
    assert np.array_equal(np.hstack(halves), params)


# --- the same bits --------------------------------------------------------------------------------


def config(**sections: Any) -> dict[str, Any]:
    return {
        "data": {"source": "blobs", "samples": 160, "features": 20, "classes": 3},
        "model": {"hidden": [200, 111]},
        "training": {"epochs": 2, "batch_size": 32},
        **sections,
    }


ALL = {"l2": 0.5, "dropout": 0.3, "batch_norm": {}, "gradient_clipping": 1.0, "ema": 0.9}
CASES: dict[str, dict[str, Any]] = {
    **{name: config(optimizer={"name": name}, regularization={"l2": 1.0}) for name in OPTIMIZERS},
    "float64": config(model={"hidden": [200, 111], "dtype": "float64"}, regularization={"dropout": 0.4}),
    "dropout, l2, batch_norm, ...": config(regularization=ALL, optimizer={"name": "adamw"}),
    "l1 and max_norm": config(regularization={"l1": 0.1, "max_norm": 2.0, "dropconnect": 0.2}),
    "keeps z": config(model={"hidden": [200, 111], "activation": ["gelu", "mish"]}),
    "ensemble": config(regularization={"ensemble": 3, "l2": 1.0}, model={"hidden": [64, 50]}),
    "regression": {**config(), "data": {"source": "friedman1", "samples": 160}},
}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("case", CASES)
def test_any_number_of_threads_gives_the_same_bits_alone_and_in_company(case: str, runs_of: PlanRuns) -> None:
    runs = runs_of({**CASES[case], "sweep": {"seeds": 3}})
    alone = [digest(train([run])[0]) for run in runs]
    assert len(set(alone)) == 3
    for threads in (2, 3, 5):
        assert [digest(result) for result in train(runs, threads=threads)] == alone
    assert digest(train(runs[:1], threads=3)[0]) == alone[0]


def test_a_wide_network_has_the_same_bits_on_one_thread_and_on_three(
    runs_of: PlanRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared: list[int] = []
    run = Crew.run
    monkeypatch.setattr(Crew, "run", lambda own, pieces: (shared.append(len(pieces)), run(own, pieces)))
    runs = runs_of(config(model={"hidden": [1100, 600]}, regularization={"l2": 1.0}))
    one, three = (digest(train(runs, threads=threads)[0]) for threads in (1, 3))
    assert one == three
    assert {2, 4} <= set(shared)  # a layer, or 685,000 parameters; a gradient beside what goes down


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_run_goes_on_from_a_checkpoint_with_another_number_of_threads(
    threads: int, runs_of: PlanRuns, tmp_path: Path
) -> None:
    raw = config(regularization=ALL, optimizer={"name": "nadam"}, training={"epochs": 4, "batch_size": 32})
    runs = runs_of({**raw, "sweep": {"seeds": 2}})
    bits = [digest(result) for result in train(runs)]
    album = Album(tmp_path / "album", 0.0)
    assert [digest(result) for result in train(runs, keeper=album, threads=4 - threads)] == bits
    half = Keeper(tmp_path / "album" / "2" / "checkpoints")
    assert half.load([run.id for run in runs]) is not None
    assert [digest(result) for result in train(runs, keeper=half, threads=threads)] == bits


@pytest.mark.usefixtures("eager")
def test_a_run_may_diverge_in_threads_too(runs_of: PlanRuns) -> None:
    wild = {"name": "sgd", "learning_rate": 1e30}
    runs = runs_of(config(optimizer=wild, model={"hidden": [200, 111], "activation": "gelu"}))
    (one,), (three,) = train(runs), train(runs, threads=3)
    assert one.status == three.status == "diverged"
    assert digest(one) == digest(three)


def test_small_networks_start_no_threads(runs_of: PlanRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(own: Crew) -> None:
        raise AssertionError("a thread was about to start")

    monkeypatch.setattr(Crew, "_start", refuse)
    small = {"data": {"source": "digits"}, "model": {"hidden": [64, 64]}, "regularization": {"l2": 1.0}}
    (result,) = train(runs_of({**small, "training": {"epochs": 1}}), threads=8)
    assert result.status == "completed"


# --- how many -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workers", "means", "expected"),
    [
        (1, Means(jobs=1), 8),
        (2, Means(jobs=2), 4),
        (3, Means(jobs=None), 2),
        (12, Means(jobs=12), 1),
        (1, Means(cluster="tcp://somewhere:8786"), 1),
    ],
)
def test_worker_processes_share_the_cores(
    workers: int, means: Means, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "threads_allowed", lambda: 8)
    assert session._threads(workers, means) == expected
