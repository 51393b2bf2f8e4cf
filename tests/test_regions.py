"""Decision regions: what the stored network answers, worked out again from its weights."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.special import softmax

from nnlab.analysis.frames import runs_frame
from nnlab.analysis.regions import SIDE, Regions, regions
from nnlab.data.material import load
from nnlab.data.prepare import Preparation, prepare
from nnlab.data.synthetic import Moons
from nnlab.store.reading import read
from tests.cli import Desk

CONFIG = """
data: {source: moons, samples: 60}
model: {hidden: [8]}
training: {epochs: 30}
sweep: {seeds: 2, grid: {regularization.l2: [0, 1]}}
"""


def stored(folder: Path) -> pd.DataFrame:
    runs = runs_frame([read(folder)])
    return runs.assign(name=runs["strategy"])[runs["seed"] == 0]


@pytest.fixture
def moons(desk: Desk) -> Path:
    assert desk.nnlab("sweep", desk.write(CONFIG, "moons.yaml"), "-q").code == 0
    return desk.folder / "runs/moons"


def found(folder: Path) -> Regions:
    answer = regions(stored(folder), {"moons": folder})
    assert answer is not None
    return answer


def test_each_place_has_the_class_and_certainty_of_its_network(moons: Path) -> None:
    answer = found(moons)
    run = stored(moons).iloc[0]
    data = prepare(load(Moons(samples=60), Path()), Preparation(), seed=0)
    weights = load_file(moons / "weights" / f"{run['run']}.safetensors")
    own = answer.places[answer.places["name"] == run["name"]]
    x = answer.x[0] + (own["column"] + 0.5) * (answer.x[1] - answer.x[0]) / SIDE
    y = answer.y[0] + (own["row"] + 0.5) * (answer.y[1] - answer.y[0]) / SIDE
    scaled = (np.stack([x, y], axis=1) - data.shift) / data.divisor
    hidden = np.maximum(scaled @ weights["layer1.weight"] + weights["layer1.bias"], 0)
    chances = softmax(hidden @ weights["layer2.weight"] + weights["layer2.bias"], axis=1)
    assert own["certainty"].to_numpy() == pytest.approx(chances.max(axis=1), abs=1e-5)
    assert (own["winner"] == chances.argmax(axis=1)).all()
    assert len(own) == SIDE**2


def test_the_training_rows_are_in_the_units_of_the_data(moons: Path) -> None:
    rows = found(moons).rows
    data = prepare(load(Moons(samples=60), Path()), Preparation(scale="none"), seed=0)
    own = rows[rows["name"] == "l2=0"]
    assert own[["x", "y"]].to_numpy() == pytest.approx(data.train_x)
    assert own["label"].to_numpy().tolist() == data.train_y.tolist()


def test_a_table_is_found_from_wherever_the_config_lay(desk: Desk) -> None:
    rng = np.random.default_rng(0)
    (desk.folder / "tables").mkdir()
    table = pd.DataFrame({"a": rng.random(50), "b": rng.random(50)})
    table.assign(c=np.where(table["a"] > 0.5, "yes", "no")).to_csv(desk.folder / "tables/t.csv", index=False)
    config = CONFIG.replace("source: moons, samples: 60", "source: csv, path: t.csv, target: c")
    assert desk.nnlab("sweep", desk.write(config, "tables/moons.yaml"), "-q").code == 0
    folder = desk.folder / "runs/moons"
    assert found(folder).classes == ("no", "yes")
    (desk.folder / "tables/t.csv").unlink()
    assert regions(stored(folder), {"moons": folder}) is None


def test_without_weights_or_a_plane_there_are_none(moons: Path, desk: Desk) -> None:
    shutil.rmtree(moons / "weights")
    assert regions(stored(moons), {"moons": moons}) is None
    wide = CONFIG.replace("source: moons", "source: twonorm")
    assert desk.nnlab("sweep", desk.write(wide, "wide.yaml"), "-q").code == 0
    folder = desk.folder / "runs/wide"
    assert regions(stored(folder), {"wide": folder}) is None


def test_the_rows_are_those_of_the_data_seed(desk: Desk) -> None:
    crossed = CONFIG.replace("seeds: 2,", "seeds: 1, data_seeds: [4],")
    assert desk.nnlab("sweep", desk.write(crossed, "moons.yaml"), "-q").code == 0
    rows = found(desk.folder / "runs/moons").rows
    data = prepare(load(Moons(samples=60), Path()), Preparation(scale="none"), seed=4)
    assert rows[rows["name"] == "l2=0"][["x", "y"]].to_numpy() == pytest.approx(data.train_x)


def test_a_table_of_more_features_is_not_even_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{i},{i * i % 7},{i % 5},{'pq'[i % 2]}\n" for i in range(60))
    (desk.folder / "t.csv").write_text("a,b,d,c\n" + rows)
    config = CONFIG.replace("source: moons, samples: 60", "source: csv, path: t.csv, target: c")
    assert desk.nnlab("sweep", desk.write(config, "moons.yaml"), "-q").code == 0
    folder = desk.folder / "runs/moons"
    monkeypatch.setattr("nnlab.analysis.regions.load", lambda *_: pytest.fail("the table was read"))
    assert regions(stored(folder), {"moons": folder}) is None
