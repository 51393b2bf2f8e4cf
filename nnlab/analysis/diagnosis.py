"""The diagnosis: does the network err because it is too simple, or because it learned its rows by heart?

    avoidable bias = training error - target          what a better fit could win
    variance       = unseen error - training error    what does not carry over to rows it has not seen

The error is the share of wrong answers (1 - accuracy), or the squared error summed over outputs. Unseen
rows are the test rows, or the validation rows where there are none. The target is `report.target`, or the
known Bayes error or noise of a generator, or assumed to be 0.

Each part is judged over seeds, by its mean and its t-interval, which is corrected where seeds split one
table (Nadeau and Bengio, 2003) and widened by Bonferroni for the number of strategies, so that of all
strategies of an experiment together at most 5 in 100 get a false "high":

- high:    beyond noise (the interval is above 0) and not negligible (the mean reaches the yardstick);
- small:   the mean is below the yardstick, and the interval ends below twice the yardstick;
- unclear: anything else. Then the interval covers 0 and twice the yardstick: more seeds narrow it.

The yardstick is 2 points of error rate, or 5 % of the variance of the target: less would hardly repay the
work. With fewer than 6 seeds no interval is trusted (5 seeds that agree in sign do so by chance in 1 of 16
experiments). Then a part is high only if it is so in every seed, by 5 yardsticks and by 3 standard errors of
that seed's own rows; all else is unclear.

Source of the parts and steps: A. Ng, Machine Learning Yearning (2018), chapters 20 to 25.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from nnlab.analysis.evidence import Evidence, of_row
from nnlab.analysis.judgement import Judged, Part, Verdict, judged
from nnlab.analysis.next_steps import Step, steps_against
from nnlab.analysis.relatives import NOTHING_SHOWN, Relatives, Shown
from nnlab.analysis.target import Target
from nnlab.analysis.trouble import Sign, signs_of

if TYPE_CHECKING:
    import pandas as pd

    from nnlab.analysis.lines import Key
    from nnlab.store.experiment import Row


@dataclass(frozen=True)
class Diagnosis:
    """What one setting suffers from, and what to do.

    Args:
        seeds: runs that it rests on.
        wrong_answers: whether errors are shares of wrong answers; otherwise they are squared errors.
        unseen: the rows that the unseen error is of: test or val.
        train_error, unseen_error: means over seeds.
        bias, variance: the two parts.
        steps: what to do next, the best first.
        signs: what else is wrong.
        noisy_labels: whether training labels are wrong on purpose, which makes the parts meaningless.
    """

    seeds: int
    wrong_answers: bool
    unseen: str
    train_error: float
    unseen_error: float
    target: Target
    bias: Part
    variance: Part
    verdict: Verdict
    steps: tuple[Step, ...] = ()
    signs: tuple[Sign, ...] = ()
    noisy_labels: bool = False

    @property
    def link(self) -> Literal["and", "or"]:
        """How the steps belong together: one against each part, or two ways to the same."""
        return "and" if len({step.against for step in self.steps}) > 1 else "or"


def diagnose(evidence: Evidence, together: int = 1, relatives: Relatives | None = None) -> Diagnosis:
    """The diagnosis of one setting.

    Args:
        evidence: its runs.
        together: how many strategies are judged at once.
        relatives: those strategies; they may show that a step helps.
    """
    return _advised(judged(evidence.as_stack(), together), 0, evidence, relatives)


def _told(found: Judged, place: int) -> Diagnosis:
    """What is found of one setting of a stack."""
    return Diagnosis(
        found.of.seeds,
        found.wrong_answers,
        found.unseen,
        found.train_error[place].item(),
        found.unseen_error[place].item(),
        found.of.target,
        found.bias.at(place),
        found.variance.at(place),
        found.verdict[place].item(),
        noisy_labels=bool(found.of.settings.get("data.label_noise")),
    )


def _advised(found: Judged, place: int, evidence: Evidence, relatives: Relatives | None) -> Diagnosis:
    """The same with what to do next, and with what else is wrong."""
    diagnosis = _told(found, place)
    told = relatives is not None and diagnosis.verdict not in ("fine", "cannot_tell")
    shown = relatives.shown(evidence, found.yardstick[place]) if relatives and told else NOTHING_SHOWN
    steps = _steps(evidence, diagnosis.bias, diagnosis.variance, shown)
    return replace(diagnosis, steps=steps, signs=signs_of(evidence))


def _steps(evidence: Evidence, bias: Part, variance: Part, shown: Shown) -> tuple[Step, ...]:
    """Two steps against what is high; one against each part, the larger one first, if both matter.

    Against an assumed target the variance comes first: it is measured, and how much of the bias can be
    avoided is not known.
    Where nothing is high and something unclear, the next step is more seeds, if any number would do.
    """
    if "high" not in (bias.size, variance.size):
        needed = max(bias.seeds_needed, variance.seeds_needed)
        return (Step("more_seeds", int(needed)),) if 0 < needed < math.inf else ()
    parts: dict[Literal["bias", "variance"], Part] = {"bias": bias, "variance": variance}
    found = {name: steps_against(name, evidence, shown) for name, part in parts.items() if part.matters}
    if len(found) == 1:
        return tuple(next(iter(found.values()))[:2])
    # Of the steps against variance only more data is sure not to raise the bias; others have to show it.
    safe = [step for step in found["variance"] if step.name == "more_data" or step.see is not None]
    against = [*found["bias"][:1], *safe[:1]]
    bias_first = bias.mean >= variance.mean and not evidence.target.is_assumed
    return tuple(against if bias_first else against[::-1])


# --- from what is stored ------------------------------------------------------------------------

Line = tuple[str, str, str]  # experiment, strategy, setting: a line of the summary


def diagnose_run(row: "Row", asked: float | None) -> Diagnosis:
    """The diagnosis of a single run.

    Args:
        row: as it is stored.
        asked: `report.target` of the config.
    """
    return diagnose(of_row(row, asked))


class Diagnoses(Mapping[Line, Diagnosis]):
    """The diagnosis of every line of a report, whichever other lines are shown.

    All lines are judged at once; steps and signs are found when a line is asked for, since people read
    those of a few lines only.

    Args:
        runs: as made by `runs_frame`.
        everything: all runs that `runs` were chosen from.
    """

    def __init__(self, runs: "pd.DataFrame", everything: "pd.DataFrame | None" = None) -> None:
        from nnlab.analysis.lines import Lines  # pandas: a single run does without

        self._lines = self._all = Lines(runs)
        if everything is not None and len(everything) != len(runs):
            self._all = Lines(everything)
        self._chosen = _chosen(runs if everything is None else everything)
        columns = runs[["experiment", "strategy", "settings", "setting"]].drop_duplicates()
        self._keys: dict[Line, Key] = {
            (experiment, strategy, words): (experiment, strategy, settings)
            for experiment, strategy, settings, words in columns.itertuples(index=False)
        }
        together = Counter(experiment for experiment, *_ in self._chosen)
        self._found: dict[Key, tuple[Judged, int]] = {}  # what is found of its stack, and its place there
        for stack in self._lines.stacks():
            found = judged(stack.evidence, together[stack.experiment] or 1)
            self._found |= {key: (found, place) for place, key in enumerate(stack.keys)}
        self._relatives: dict[str, Relatives] = {}

    def judged(self, line: Line) -> Diagnosis:
        """The diagnosis of a line without steps and signs."""
        return _told(*self._found[self._keys[line]])

    def verdict(self, line: Line) -> tuple[Verdict, Target]:
        """That of a line, by name, and the target that it is against."""
        found, place = self._found[self._keys[line]]
        return found.verdict[place].item(), found.of.target

    def __contains__(self, line: object) -> bool:
        return line in self._keys

    def __getitem__(self, line: Line) -> Diagnosis:
        key = self._keys[line]
        return _advised(*self._found[key], self._lines[key], self._relatives_in(line[0]))

    def __iter__(self) -> Iterator[Line]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def _relatives_in(self, experiment: str) -> Relatives:
        """All strategies of an experiment, found when the first line asks for them."""
        if experiment not in self._relatives:
            keys = [key for key in self._all if key[0] == experiment]
            strategies = [(self._chosen[key], self._all[key]) for key in keys if key in self._chosen]
            tried = [self._all[key] for key in keys if key not in self._chosen]
            self._relatives[experiment] = Relatives(strategies, tried)
        return self._relatives[experiment]


def _chosen(runs: "pd.DataFrame") -> dict[tuple[str, str, str], str]:
    """Experiment, strategy and settings of each line that stands for a strategy -> what it is called.

    Single runs and points of a grid stand for themselves, and go by their settings if names are alike.
    """
    lines = runs[runs["chosen"] & runs["current"]].drop_duplicates(["experiment", "strategy", "settings"])
    alike = lines.duplicated(["experiment", "strategy"], keep=False)
    names = lines["strategy"].where(~alike, lines["setting"])
    keys = lines[["experiment", "strategy", "settings"]].itertuples(index=False, name=None)
    return dict(zip(keys, names, strict=True))


def with_verdicts(summary: "pd.DataFrame", found: Diagnoses) -> "pd.DataFrame":
    """The summary with a column diagnosis: the verdict of each line, by name."""
    return summary.assign(diagnosis=[found.verdict(line)[0] for line in _lines(summary)])


def with_next_steps(summary: "pd.DataFrame", found: Mapping[Line, Diagnosis]) -> "pd.DataFrame":
    """The summary with a column next_step, by name."""
    lines = [found[line] for line in _lines(summary)]
    steps = [f" {line.link} ".join(step.name for step in line.steps) or "none" for line in lines]
    return summary.assign(next_step=steps)


def _lines(summary: "pd.DataFrame") -> list[Line]:
    columns = (summary[name].tolist() for name in ("experiment", "strategy", "setting"))
    return list(zip(*columns, strict=True))
