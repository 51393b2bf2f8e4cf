"""The diagnosis in words: one line for each strategy, and one sentence for a single run."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nnlab.analysis.diagnosis import Diagnosis
from nnlab.analysis.judgement import Verdict
from nnlab.analysis.next_steps import Step
from nnlab.analysis.target import Target
from nnlab.analysis.trouble import Sign
from nnlab.render.cells import cell_len, left
from nnlab.render.numbers import number, percent
from nnlab.text import count_of, one_line

if TYPE_CHECKING:
    from nnlab.analysis.report import Report  # pandas: a single run does without

MOST_LINES = 16  # more would bury the table: then strategies are listed by verdict
WIDTH = 140
WIDEST_NAME = 40

VERDICTS = {
    "high_bias": "high bias",
    "high_variance": "high variance",
    "both": "high bias and high variance",
    "fine": "fine",
    "cannot_tell": "cannot tell",
}

# Of an assumed target.
PERHAPS = {"high_bias": "perhaps high bias", "both": "high variance, perhaps high bias"}

STEPS = {
    "less_l2": "less l2 than {}",
    "less_dropout": "less dropout than {}",
    "other_activation": "another activation (relu)",
    "leaky_activation": "leaky_relu",
    "longer_training": "longer training",
    "larger_learning_rate": "a larger learning rate than {}",
    "adam": "adam as the optimizer",
    "hidden_layer": "a hidden layer",
    "non_linear_activation": "a non-linear activation",
    "more_parameters": "a larger network",
    "more_data": "more unique data",
    "early_stopping": "early stopping",
    "l2": "l2",
    "dropout": "dropout",
    "more_l2": "more l2 than {}",
    "more_seeds": "{} seeds or more",
}

# What makes a step the next one, said of its detail, a share.
REASONS = {"longer_training": "loss still falls by {}", "early_stopping": "val_loss rises again by {}"}

SIGNS = {
    "diverged": "{value:.0f} diverged: a smaller learning rate helps",
    "vanishing_gradients": "gradients vanish: first layer {times} times below the last",
    "dead_units": "{share} of the hidden units are dead",
    "saturated_units": "{share} of the activations are saturated",
    "top_feature": "{what} has {share} of the first layer's squared weights",
}


def diagnosis_section(report: "Report") -> str:
    """One line for each line of the table, as many as people read; many are listed by verdict."""
    columns = (report.summary[name].tolist() for name in ("experiment", "strategy", "setting"))
    shown = [key for key in zip(*columns, strict=True) if key in report.diagnoses]
    if not shown:
        return ""
    names, verdicts = _names(shown), [report.diagnoses.verdict(key) for key in shown]
    targets = {target for _, target in verdicts}
    judged = (report.diagnoses.judged(key) for key in shown)
    heading = "Diagnosis"
    if first := next((line for line in judged if line.seeds), None):  # without a run there is no error
        heading += f", by {_errors(first)}"
        heading += f", against a target of {_target(first)}" if len(targets) == 1 else ""
    heading += ":"
    if len(shown) > MOST_LINES:
        words = _by_verdict(names, [_named(*verdict) for verdict in verdicts])
    else:
        lines = [report.diagnoses[key] for key in shown]
        width = min(WIDEST_NAME, max(map(cell_len, names)))
        words = [_line(name, width, line, len(targets) > 1) for name, line in zip(names, lines, strict=True)]
    return f"{heading}\n\n" + "".join(f"{line}\n" for line in words)


def describe_diagnosis(diagnosis: Diagnosis) -> str:
    """The diagnosis of a single run in a sentence."""
    if not diagnosis.seeds:
        return ""
    verdict = f"Diagnosis: {_verdict(diagnosis)}.{_next(diagnosis, ' Next: ', '.')}"
    errors = f"{_errors(diagnosis)}: {_pair(diagnosis)}, against a target of {_target(diagnosis)}."
    return f"{verdict}{_signs(diagnosis, ' Also: ', '.')}\n{errors[0].upper()}{errors[1:]}\n"


def _names(keys: Sequence[tuple[str, str, str]]) -> list[str]:
    """As much of experiment, strategy and setting as tells the lines apart."""
    experiments = len({experiment for experiment, *_ in keys}) > 1
    repeated = len({key[:2] for key in keys}) < len(keys)
    names = []
    for experiment, strategy, setting in keys:
        parts = [experiment if experiments else "", strategy, setting if repeated else ""]
        names.append(one_line(" ".join(dict.fromkeys(filter(None, parts)))))
    return names


def _by_verdict(names: Sequence[str], verdicts: Sequence[str]) -> list[str]:
    """One line for each verdict, with as many names as it holds."""
    groups: dict[str, list[str]] = {}
    for name, verdict in zip(names, verdicts, strict=True):
        groups.setdefault(verdict, []).append(name)
    starts = [f"{verdict} ({len(own):,} of {len(names):,})" for verdict, own in groups.items()]
    width = max(map(len, starts))
    return [_listed(f"{start:<{width}}  ", own) for start, own in zip(starts, groups.values(), strict=True)]


def _listed(start: str, names: Sequence[str]) -> str:
    text = start + names[0]
    for i, name in enumerate(names[1:], start=1):
        rest = f"; and {len(names) - i:,} more"
        if cell_len(f"{text}; {name}{rest}") > WIDTH:
            return text + rest
        text += f"; {name}"
    return text


def _line(name: str, width: int, diagnosis: Diagnosis, with_target: bool) -> str:
    """As much as a line holds, the most important first."""
    start = f"{left(name, width)}  "
    if not diagnosis.seeds:
        return f"{start}no run completed{_signs(diagnosis, '; ', '')}"
    target = f", target {_target(diagnosis)}" if with_target else ""
    start += f"{_pair(diagnosis)}{target}: {_verdict(diagnosis)}"
    signs = _signs(diagnosis, "; ", "")
    whole = start + _next(diagnosis, "; next: ", "") + signs
    if cell_len(whole) <= WIDTH:
        return whole
    return start + _next(replace(diagnosis, steps=diagnosis.steps[:1]), "; next: ", "") + signs


def _named(verdict: Verdict, target: Target) -> str:
    """The verdict, no surer than its target: where that is assumed, less error may not be possible."""
    if target.is_assumed and "high bias" in VERDICTS[verdict]:
        return PERHAPS[verdict]
    return VERDICTS[verdict]


def _verdict(diagnosis: Diagnosis) -> str:
    words = _named(diagnosis.verdict, diagnosis.target)
    parts = {"high bias": diagnosis.bias, "high variance": diagnosis.variance}
    likely = " and ".join(name for name, part in parts.items() if part.matters and part.size == "unclear")
    if diagnosis.verdict != "cannot_tell":
        if likely and words.startswith("perhaps"):  # what is measured before what is assumed
            return f"perhaps {likely}, {words}"
        return f"{words}, perhaps {likely}" if likely else words
    if diagnosis.noisy_labels:
        return f"{words}, since training labels are wrong on purpose (label_noise)"
    if math.isnan(diagnosis.unseen_error):
        return f"{words}, since there are no validation or test rows"
    looks = f"like {likely}" if likely else "fine"
    return f"{words} from {count_of(diagnosis.seeds, 'seed')} (looks {looks})"


def _errors(diagnosis: Diagnosis) -> str:
    what = "error rate" if diagnosis.wrong_answers else "squared error"
    if math.isnan(diagnosis.unseen_error):
        return f"{what} on training rows"
    return f"{what} on training -> {'test' if diagnosis.unseen == 'test' else 'validation'} rows"


def _pair(diagnosis: Diagnosis) -> str:
    train = _error(diagnosis, diagnosis.train_error)
    unseen = diagnosis.unseen_error
    return train if math.isnan(unseen) else f"{train} -> {_error(diagnosis, unseen)}"


def _error(diagnosis: Diagnosis, value: float) -> str:
    if math.isnan(value):
        return "-"
    return percent(value, 1) if diagnosis.wrong_answers else number(value, 3)


def _target(diagnosis: Diagnosis) -> str:
    target = diagnosis.target
    value = "0" if target.value == 0 else _error(diagnosis, target.value)
    why = {
        "set": "report.target",
        "known": "known of the generator",
        "assumed": "assumed, perhaps too strict; report.target sets another",
    }
    return f"{value} ({why[target.source]})"


def _next(diagnosis: Diagnosis, before: str, after: str) -> str:
    steps = f", {diagnosis.link} ".join(map(_step, diagnosis.steps))
    return before + steps + after if steps else ""


def _step(step: Step) -> str:
    words = STEPS.get(step.name, step.name.replace("_", " "))
    words = words.format("" if step.detail is None else f"{step.detail:g}")
    if step.see is not None and cell_len(step.see) <= WIDEST_NAME:
        return f"{words} (see {one_line(step.see)})"
    if step.name in REASONS and step.detail is not None:
        return f"{words} ({REASONS[step.name].format(percent(step.detail))})"
    return words


def _signs(diagnosis: Diagnosis, before: str, after: str) -> str:
    return before + ", ".join(map(_sign, diagnosis.signs)) + after if diagnosis.signs else ""


def _sign(sign: Sign) -> str:
    times = "many" if sign.value == 0 else f"{1 / sign.value:,.0f}"
    return SIGNS[sign.name].format(
        value=sign.value, share=percent(sign.value), times=times, what=one_line(sign.what) or "one feature"
    )
