"""The plan: runs, ids, seeds and populations from a config."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nnlab.config.load import Override, load
from nnlab.errors import InputError
from nnlab.nn.penalties import L2
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.plan import Plan, Run, data_bytes, grouping, plan_sweep, plan_train, population_bytes, populations

Sweep = Callable[..., Plan]


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Plans the sweep of a config given as text."""

    def planned(text: str) -> Plan:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return plan_sweep(load(str(path)))

    return planned


def strategies(runs: tuple[Run, ...]) -> list[str]:
    return list(dict.fromkeys(run.setting.strategy for run in runs))


MOONS = "data: {source: moons, samples: 50}\nmodel: {hidden: [4]}\n"


def test_a_grid_is_the_product_of_its_axes_with_every_seed(sweep: Sweep) -> None:
    runs = sweep(
        MOONS + "sweep: {seeds: [3, 5], grid: {regularization.l2: [0, 1], training.epochs: [1, 2, 3]}}"
    ).runs
    assert len(runs) == 2 * 2 * 3
    assert strategies(runs) == [f"l2={strength}, epochs={n}" for strength in (0, 1) for n in (1, 2, 3)]
    assert [run.seed for run in runs[:2]] == [3, 5]


def test_zip_walks_its_lists_together(sweep: Sweep) -> None:
    text = MOONS + "sweep: {seeds: 1, zip: {regularization.l2: [0, 1], regularization.dropout: [0, 0.5]}}"
    assert strategies(sweep(text).runs) == ["l2=0, dropout=0", "l2=1, dropout=0.5"]


def test_exclude_leaves_out_all_that_agree(sweep: Sweep) -> None:
    text = (
        MOONS
        + """
sweep:
  seeds: 1
  grid: {regularization.l2: [0, 1], training.epochs: [1, 2]}
  exclude: [{regularization.l2: 1, training.epochs: 2}]
"""
    )
    assert strategies(sweep(text).runs) == ["l2=0, epochs=1", "l2=0, epochs=2", "l2=1, epochs=1"]


def test_a_list_inside_a_strategy_is_its_own_grid_but_a_list_of_widths_is_one_network(sweep: Sweep) -> None:
    text = (
        MOONS + "sweep: {seeds: 1, strategies: {a: {regularization.l2: [1, 2]}, b: {model.hidden: [3, 3]}}}"
    )
    runs = sweep(text).runs
    assert [run.setting.strategy for run in runs] == ["a", "a", "b"]
    assert runs[2].config.model.hidden == (3, 3)


def test_the_same_run_twice_is_planned_once(sweep: Sweep) -> None:
    planned = sweep(MOONS + "sweep: {seeds: 2, grid: {regularization.l2: [1, 1.0, 2]}}")
    assert (len(planned.runs), planned.duplicates) == (4, 2)


def test_a_larger_grid_keeps_the_ids_of_a_smaller_one(sweep: Sweep) -> None:
    small = sweep(MOONS + "sweep: {seeds: 2, grid: {regularization.l2: [1]}}").runs
    large = sweep(MOONS + "sweep: {seeds: 3, grid: {regularization.l2: [0, 1, 2]}}").runs
    assert {run.id for run in small} < {run.id for run in large}


@pytest.mark.parametrize(
    "change",
    [
        ("seed", "1"),
        ("data.noise", "0.3"),
        ("model.hidden", "[5]"),
        ("regularization.dropout", "0.1"),
        ("optimizer.learning_rate", "0.5"),
        ("training.epochs", "7"),
        ("model.dtype", "float64"),
    ],
)
def test_whatever_changes_the_numbers_changes_the_id(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(MOONS)
    changed = [Override(*change, "--set")]
    base, other = (plan_train(load(str(path), overrides)).runs[0].id for overrides in ([], changed))
    assert base != other


def test_another_entry_in_the_table_of_regularizers_changes_no_id(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MOONS + "regularization: {dropout: 0.5}\nsweep: {seeds: 2}"
    before = [run.id for run in sweep(text).runs]
    monkeypatch.setitem(REGULARIZERS, "decay", type("Decay", (L2,), {"name": "decay"}))
    assert [run.id for run in sweep(text).runs] == before
    with_it = text.replace("dropout", "decay: 1, dropout")
    assert {run.id for run in sweep(with_it).runs}.isdisjoint(before)


def test_the_id_of_a_table_follows_its_content_not_its_place(tmp_path: Path) -> None:
    table = "a,y\n" + "".join(f"{i},{'xz'[i % 2]}\n" for i in range(20))
    ids = []
    for name, content in (("one", table), ("two", table), ("three", table.replace("5,z", "5.5,z"))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.csv").write_text(content)
        (folder / "c.yaml").write_text(
            f"data: {{source: csv, path: {name}.csv, target: y}}\ntraining: {{batch_size: full}}"
        )
        ids.append(plan_train(load(str(folder / "c.yaml"))).runs[0].id)
    assert ids[0] == ids[1] != ids[2]


def test_auto_is_made_definite_by_the_data(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for source, loss, output in (
        ("moons", "cross_entropy", "softmax"),
        ("sine", "squared_error", "identity"),
    ):
        path.write_text(f"data: {{source: {source}}}\ntraining: {{epochs: 1000}}")
        config = plan_train(load(str(path))).runs[0].config
        assert config.loss is not None
        assert config.model.output is not None
        assert (config.loss.name, config.model.output.name) == (loss, output)
        assert config.training.evaluate_every == 10


def test_a_batch_size_that_was_not_asked_for_fits_itself_to_few_rows(sweep: Sweep) -> None:
    run = sweep(MOONS + "sweep: {seeds: 1}").runs[0]
    assert run.config.training.batch_size == 30  # 10 of the 50 rows validate, 10 test
    with pytest.raises(InputError, match="batch_size: 32 came for 30 training rows"):
        sweep(MOONS + "training: {batch_size: 32}\nsweep: {seeds: 1}")


def test_populations_share_shapes_and_hold_every_run_once(sweep: Sweep) -> None:
    text = (
        MOONS + "sweep: {seeds: 3, grid: {model.hidden: [[4], [5]], regularization.dropout: [0, 0.1, 0.5]}}"
    )
    runs = sweep(text).runs
    stacks = populations(runs)
    assert sorted(run.id for stack in stacks for run in stack) == sorted(run.id for run in runs)
    # Per width: runs without dropout, and runs with any dropout together.
    assert sorted(map(len, stacks)) == [3, 3, 6, 6]


def test_a_population_is_no_larger_than_pays(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = sweep(MOONS + "sweep: {seeds: 10}").runs
    monkeypatch.setattr(grouping, "POPULATION_BYTES", 4 * population_bytes(runs[0].setting))
    assert sorted(map(len, populations(runs))) == [2, 4, 4]


def test_runs_of_different_large_data_sets_train_apart(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = sweep(MOONS + "sweep: {seeds: 4, grid: {regularization.l2: [1, 2, 3]}}").runs
    rows = 4 * 50 * (2 + 1)  # bytes as float32, a column of ones included
    assert {data_bytes(run) for run in runs} == {rows}
    for room, expected in ((12 * rows, [12]), (2 * rows, [6, 6]), (rows, [3] * 4), (1, [3] * 4)):
        monkeypatch.setattr(grouping, "DATA_BYTES", room)
        stacks = populations(runs)
        assert sorted(map(len, stacks)) == expected
        assert sorted(run.id for stack in stacks for run in stack) == sorted(run.id for run in runs)
        assert all(len({run.seed for run in stack}) * 3 == len(stack) for stack in stacks)


def test_a_combination_that_cannot_work_is_refused_before_anything_is_trained(sweep: Sweep) -> None:
    text = MOONS + "sweep: {seeds: 1, strategies: {a: {data.train_size: 1000}}}"
    with pytest.raises(InputError, match=r"config.yaml:3:\d+: .*train_size: 1000"):
        sweep(text)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            "data: {source: sine}\nloss: poisson\n",
            "2:7: loss: poisson came with data.source sine, whose targets may be below 0, "
            "expected counts of 0 or more",
        ),
        (
            "data: {source: csv, path: t.csv, target: y, task: regression}\nloss: poisson\n",
            "2:7: loss: poisson came with a target of -2, expected counts of 0 or more",
        ),
        (
            "data: {source: moons}\nmodel: {output: exponential}\n",
            "2:17: model.output: exponential is not for classification, "
            "expected identity or sigmoid or softmax",
        ),
        (
            "data: {source: sine}\nmodel: {output: softmax}\n",
            "2:17: model.output: softmax is not for regression, expected identity or exponential",
        ),
        (
            "data: {source: sine}\nmodel: {output: identity}\nloss: poisson\n",
            "2:17: model.output: identity does not go with loss poisson, expected exponential",
        ),
        (
            "data: {source: sine}\nloss: {name: huber, delta: 0}\n",
            "2:28: loss.delta: 0 came, expected a number above 0",
        ),
        (
            "data: {source: moons}\nloss: {name: cross_entropy, class_weight: equal}\n",
            "2:43: loss.class_weight: 'equal' came, expected none or balanced",
        ),
        (
            "data: {source: moons}\nloss: {name: cross_entropy, class_weight: balanced}\n"
            "regularization: {mixup: 0.2}\n",
            "2:43: loss.class_weight: balanced came with mixup, whose rows are of several classes; "
            "expected one of the two",
        ),
    ],
)
def test_losses_that_do_not_fit_are_refused_with_the_reason(
    tmp_path: Path, settings: str, problem: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(settings)
    rows = "".join(f"{i},{i - 2}\n" for i in range(30))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    with pytest.raises(InputError) as caught:
        plan_train(load(str(path)))
    assert str(caught.value) == f"{path}:{problem}"


@pytest.mark.parametrize(
    ("settings", "loss", "output"),
    [
        ("data: {source: diabetes}\nloss: poisson\n", "poisson", "exponential"),
        ("data: {source: diabetes}\nmodel: {output: exponential}\n", "poisson", "exponential"),
        ("data: {source: diabetes}\nloss: huber\n", "huber", "identity"),
        ("data: {source: diabetes}\n", "squared_error", "identity"),
        ("data: {source: moons}\n", "cross_entropy", "softmax"),
        ("data: {source: moons}\nmodel: {output: sigmoid}\n", "binary_cross_entropy", "sigmoid"),
    ],
)
def test_loss_and_output_that_nobody_named_are_the_usual_ones(
    tmp_path: Path, settings: str, loss: str, output: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(settings)
    config = plan_train(load(str(path))).runs[0].config
    assert (config.loss and config.loss.name, config.model.output and config.model.output.name) == (
        loss,
        output,
    )
