# SPDX-License-Identifier: BSD-3-Clause
"""The tables of docs/regression, autoencoder, radial, depth, risk and capacity.md, as measured.

Each printed number is read from its page and held against what the example returns: it may differ
by a unit of its last digit. Numbers in the running text stand here, beside a piece of their text.
"""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example import load, run

DOCS = Path(__file__).parents[1] / "docs"
NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?")


def table(page: str, head: str) -> dict[str, list[str]]:
    """The rows of the table whose first line starts with `head`: the first cell, and the others."""
    lines = (DOCS / f"{page}.md").read_text(encoding="utf-8").splitlines()
    (start,) = (i for i, line in enumerate(lines) if line.startswith(head))
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        first, *cells = (cell.strip(" *") for cell in line.strip("|").split("|"))
        rows[first] = cells
    return rows


def assert_printed(cell: str, *measured: float) -> None:
    """The numbers of a cell are these, to the last digit that is printed, give or take one."""
    printed = [text.replace("−", "-") for text in NUMBER.findall(cell)]
    assert len(printed) == len(measured), (cell, measured)
    for text, value in zip(printed, measured, strict=True):
        unit = 10.0 ** -len(text.partition(".")[2])
        assert abs(float(text) - value) <= unit, (cell, measured)


def assert_says(page: str, *texts: str) -> None:
    """The page's text holds these, wherever its lines end."""
    text = " ".join((DOCS / f"{page}.md").read_text(encoding="utf-8").split())
    for wanted in texts:
        assert wanted in text, wanted


def test_regression() -> None:
    pytest.importorskip("sklearn")
    r = run("regression")[0]
    assert_says("regression", "= 0.893", "below 10⁻¹⁴", "have −0.43", "by 3.5 at the least")
    assert_says("regression", "at most 10⁻¹⁵ apart", "less than a thousandth of the bound")
    assert r["linear: predicted shrinkage of an epoch"] == pytest.approx(0.893, abs=5e-4)
    assert r["linear: distance to the exact solution after 400 epochs"] < 1e-14
    assert r["logistic: loop and native apart, at most"] < 1e-15
    assert r["logistic: share of the rounding bound, at most"] < 1e-3
    assert r["logistic: LL apart, at most, relative"] < 1e-14
    assert r["logistic: distance to scikit-learn after 400 epochs"] < 1e-14
    assert r["logistic: largest eigenvalue of the Hessian of LL"] == pytest.approx(-0.43, abs=5e-3)
    assert r["logistic: least rise of LL at a midpoint"] == pytest.approx(3.5, abs=5e-2)


def test_autoencoder() -> None:
    r = run("autoencoder")[0]
    for activation, (above,) in table("autoencoder", "| activation of the code").items():
        assert_printed(above, 100 * r[f"64-8-64, {activation} code: MSE above PCA's, share"])
    deeper = table("autoencoder", "| eight numbers a digit")
    deep, pca = r["held out: MSE of 64-32-8-32-64"], r["held out: MSE of PCA-8"]
    assert_printed(deeper["PCA"][0], pca)
    assert_printed(deeper["64-32-8-32-64"][0], deep)
    assert_says("autoencoder", "That is 30 % less", "principal components do (0.0249)")
    assert 1 - deep / pca == pytest.approx(0.30, abs=0.01)
    (noisy,), (copied,), (clean,) = table("autoencoder", "| held-out digits with noise").values()
    assert_printed(noisy, r["held out, noise 0.3: MSE of the noisy digits"])
    assert_printed(copied, r["held out, noise 0.3: MSE, trained without noise"])
    assert_printed(clean, r["held out, noise 0.3: MSE after denoising"])
    sparse = table("autoencoder", "| penalty")
    names = {"none": "no penalty", "KL, β = 0.3": "KL", "L1, β = 0.1": "L1"}
    assert list(sparse) == list(names)
    for row, name in names.items():
        mean, above, never, error = sparse[row]
        code = f"code of 100, {name}: "
        assert_printed(mean, r[code + "mean output"])
        assert_printed(above, 100 * r[code + "share of outputs above 0.1"])
        assert_printed(never, r[code + "units that never pass 0.01"])
        assert_printed(error, r[code + "held-out MSE"])


@pytest.mark.parametrize("data", ["spirals", "digits"])
def test_radial(data: str) -> None:
    pytest.importorskip("sklearn")
    r = run("radial")[0]
    lines = (DOCS / "radial.md").read_text(encoding="utf-8").split("**The digits**")
    lines = lines[data == "digits"].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    seen = 0
    for name, centres, accuracy in (row for row in rows if len(row) == 3):
        if name == "SVC":
            vectors = r[f"{data}: SVC's vectors"]
            assert centres == f"{vectors:.0f} vectors"
            assert_printed(accuracy, r[f"{data}: SVC"])
        elif name == "kernel ridge":
            assert_printed(accuracy, r[f"{data}: kernel ridge on all rows"])
        elif "linear / softmax" in name:
            kind = "kmeans" if name.startswith("k-means") else "sample"
            both = (r[f"{data}: {centres} centres, {kind}, {top}"] for top in ("linear", "softmax"))
            assert_printed(accuracy, *both)
        else:
            continue
        seen += 1
    assert seen == {"spirals": 6, "digits": 8}[data]


def test_depth() -> None:
    start = run("dilution")[0]["start"]
    for f, (_, forecast, measured) in table("depth", "| activation | slope").items():
        assert_printed(forecast, start[f]["forecast"])
        assert_printed(measured, start[f]["ratio"])
    assert_says("depth", "it shrinks to 2.9 · 10⁻⁶, where 4⁻⁹ is 3.8 · 10⁻⁶")
    assert start["logistic"]["first_to_ninth"] == pytest.approx(2.9e-6, abs=0.05e-6)
    assert pytest.approx(3.8e-6, abs=0.05e-6) == 4.0**-9


def test_depth_inside_one_training() -> None:
    end = {f: run("dilution")[0]["watched"][f]["end"] for f in ("logistic", "relu")}
    signal = end["logistic"]["signal"]
    assert_says("depth", "between 7 · 10⁻⁵ and 10 · 10⁻⁵", "it is 0.35 to 0.49 in all layers")
    assert 7e-5 < np.min(signal) < 7.5e-5
    assert 9.5e-5 < np.max(signal) < 10e-5
    assert np.min(end["relu"]["signal"]) == pytest.approx(0.35, abs=5e-3)
    assert np.max(end["relu"]["signal"]) == pytest.approx(0.49, abs=5e-3)
    assert_says("depth", "gets some hundreds of times the gradient of the first")
    assert 200 < end["logistic"]["norm"][-1] / end["logistic"]["norm"][0] < 1000


def test_xor() -> None:
    result = run("xor_minima")[0]
    for name, (starts, stuck, share, *ends) in table("depth", "| network | starts").items():
        case = result["cases"][name]
        low, high = case["interval"]
        assert (int(starts), int(stuck)) == (case["n"], case["stuck"])
        assert_printed(share, case["stuck"] / case["n"], low, high)
        assert [int(end) for end in ends] == list(case["traps"].values())
    a = result["anatomy"]
    assert_says("depth", "is 6.4, the smallest 5.9", "the largest by 2.1 (median)", "at least 13;")
    assert np.median(a["excess_fell"]) == pytest.approx(6.4, abs=0.05)
    assert np.min(a["excess_fell"]) == pytest.approx(5.9, abs=0.05)
    assert np.median(a["weights_grew"]) == pytest.approx(2.1, abs=0.05)
    assert_says("depth", "smallest 6 · 10⁻⁷ to 6 · 10⁻⁶, the largest 0.03 to 0.09")
    assert np.min(a["e_min"]) == pytest.approx(6e-7, abs=0.5e-7)
    assert np.max(a["e_min"]) == pytest.approx(6e-6, abs=0.5e-6)
    assert np.min(a["e_max"]) == pytest.approx(0.03, abs=5e-3)
    assert np.max(a["e_max"]) == pytest.approx(0.09, abs=5e-3)
    assert 13 <= np.min(a["newton"]) < 14
    late = result["cases"]["2-2-1 logistic"]["escaped_late"]
    assert_says("depth", "18 of the 230 that had not learnt XOR")
    assert (late, late + 212) == (18, 230)


def test_risk() -> None:
    result, example = run("risk")[0], load("risk")
    c, d = result["convergence"], result["digits"]
    assert_says("risk", "R = 0.164603 and σ_L = 0.234190", "**−0.502 ± 0.005**", "4216 of the 4400")
    assert (c["risk"], c["sigma"]) == pytest.approx((0.164603, 0.234190), abs=6e-7)
    assert (c["slope"], c["slope_error"]) == pytest.approx((-0.502, 0.005), abs=6e-4)
    assert (c["inside"], c["of"]) == (4216, 4400)
    sizes = example.SIZES.tolist()
    for N, (rms, predicted) in table("risk", "| N | rms").items():
        at = sizes.index(int(N))
        assert_printed(rms, c["rms"][at], c["rms"][at] * c["rms_relative_error"][at])
        assert_printed(predicted, c["sigma"] / np.sqrt(int(N)))
    rows = table("risk", "| labelled rows")
    assert [int(N) for N in rows] == list(example.ROWS)
    for i, (accuracy, held_out, training) in enumerate(rows.values()):
        of_splits = d["accuracy"][i]
        error = np.std(of_splits, ddof=1) / np.sqrt(len(of_splits))
        assert_printed(accuracy, of_splits.mean(), error)
        assert_printed(held_out, d["loss"][i].mean())
        assert_printed(training, d["training"][i].mean())
    assert_says(
        "risk", "**−0.633 ± 0.017**", "by a factor of 2.8", "a thousandth of what it claims"
    )
    assert (d["slope"], d["slope_error"]) == pytest.approx((-0.633, 0.017), abs=6e-4)
    assert d["loss"][-1].mean() / d["training"][-1].mean() == pytest.approx(2.8, abs=0.05)
    assert d["training"][0].mean() / d["loss"][0].mean() == pytest.approx(1e-3, rel=0.1)
    assert_says("risk", "half the errors take three times", "between 320 and 640 labels")
    assert 2 ** (-1 / d["slope"]) == pytest.approx(3, abs=0.05)
    read = dict(zip(example.ROWS, d["accuracy"].mean(axis=1), strict=True))
    assert read[320] < 0.95 < read[640]
    assert_says("risk", "2410 weights", "`l2=1e-3`")
    assert n_weights(64, 32, 10) == 2410


def n_weights(*layers: int) -> int:
    return sum((a + 1) * b for a, b in itertools.pairwise(layers))


def test_depth_against_width() -> None:
    result = run("depth_width")[0]
    built = table("capacity", "| k | 1 | 3")
    rows = result["exact"]["rows"][::2]
    assert [int(w) for w in built["weights, k hidden layers"]] == [row["deep"] for row in rows]
    assert [int(w) for w in built["weights, 1 hidden layer"]] == [row["shallow"] for row in rows]
    one, two = (result["radial"][m] for m in ("1", "2"))
    lines = table("capacity", "| one hidden layer | | |")
    lines.pop("weights")
    for i, (weights, cells) in enumerate(lines.items()):
        expected = [one["weights"][i], one["units"][i], two["weights"][i], two["units"][i]]
        assert [int(weights), int(cells[0]), int(cells[2]), int(cells[3])] == expected
        assert_printed(cells[1], np.median(one["error"][i]))
        assert_printed(cells[4], np.median(two["error"][i]))
    assert_says("capacity", "15 or 16 points wrong", "gets 15 to 17 wrong as well")
    s = result["sawtooth"]
    assert set(s["shallow"]["wrong"]) == {15, 16}
    assert (min(s["deep"]["wrong"]), max(s["deep"]["wrong"])) == (15, 17)


def test_capacity() -> None:
    pytest.importorskip("scipy")
    result: dict[str, Any] = run("capacity")[0]
    for row, cells in table("capacity", "| N | 1 | 2").items():
        found = [counted for n, _, counted, _ in result["counting"] if n == int(row[4:])]
        assert [int(cell) for cell in cells] == found
    memorised = table("capacity", "| | points per weight")
    assert len(memorised) == len(result["memorised"])
    for name, cells in memorised.items():
        h, weights = re.findall(r"10-(\d+)-1, (\d+) weights", name)[0]
        row = result["memorised"][h]
        assert int(weights) == row["weights"]
        assert [float(cell) for cell in cells] == row["share"]
    loads = [row["load"] for row in result["memorised"].values()]
    assert_says("capacity", "half a point to one and a half for each", "< 2135 points")
    assert (min(loads), max(loads)) == (0.5, 1.5)
    assert 2134 < 2 * 193 * np.log2(17 * np.e) < 2135
