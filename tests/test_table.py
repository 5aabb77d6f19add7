# SPDX-License-Identifier: BSD-3-Clause
"""Tables in, predictions out: what columns become, the recipe of a training, gaps, files."""

import datetime
import decimal
import math
import warnings

import numpy as np
import pytest

import deltarule as dr
from deltarule.files import container
from deltarule.held_out import split
from deltarule.stopping import EarlyStopping

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

from deltarule.table import TableModel, TableWarning, load, read, write  # noqa: E402  # pyarrow's
from deltarule.table.columns import Category, Number, learn  # noqa: E402
from deltarule.table.encoder import Encoder, mean_and_deviation  # noqa: E402
from deltarule.table.settings import Settings  # noqa: E402
from deltarule.table.target import task_of  # noqa: E402
from deltarule.table.values import IN_DAYS, numbers, plain, texts  # noqa: E402

FEW = {"hidden": (8,), "epochs": 4, "batch_size": 16}


def made(n=120, seed=0):
    """Numbers, categories, booleans, dates; gaps in the first two; one constant, one empty."""
    rng = np.random.default_rng(seed)
    size = rng.normal(50, 20, n)
    town = np.array(["Bern", "Basel", "Zug"])[rng.integers(3, size=n)]
    days = rng.integers(999, size=n).tolist()
    day = [datetime.date(2020, 1, 1) + datetime.timedelta(d) for d in days]
    price = size * 10 + 100 * (town == "Zug") + rng.normal(0, 5, n)
    gaps = rng.random((2, n)) < 0.1
    return pa.table(
        {
            "size": pa.array(size, mask=gaps[0]),
            "town": pa.array(town, mask=gaps[1]),
            "garden": pa.array(rng.integers(2, size=n).astype(bool)),
            "sold": pa.array(day),
            "country": ["CH"] * n,
            "nothing": pa.nulls(n),
            "price": price,
            "dear": np.where(price > 550, "yes", "no").tolist(),
        }
    )


@pytest.fixture(scope="module")
def model():
    return TableModel.fit(made(), "price", drop=("dear",), **FEW)


def test_dates_times_and_durations_are_kinds_of_their_own():
    days = [datetime.datetime(1969, 12, 30, 12), datetime.datetime(1969, 12, 31, 18)]
    columns = {
        "day": (days, "days, median 1969-12-31"),
        "time": ([datetime.time(7, 30), datetime.time(8, 30)], "times, median 08:00:00"),
        "length": ([datetime.timedelta(1), datetime.timedelta(2)], "durations, median 1.5 days"),
    }
    for name, (values, text) in columns.items():
        column = learn(name, pa.chunked_array([values]), False, 2)
        assert str(column) == text
        for other, (others, _) in columns.items():
            if other != name:
                with pytest.raises(ValueError, match=f"'{name}': values of type .*as in training"):
                    column.fill(np.empty((2, 1)), pa.chunked_array([others]))


def test_features_by_hand():
    table = pa.table(
        {
            "a": [1.0, None, 3.0, 8.0],
            "b": ["y", "x", None, "y"],
            "c": [True, False, False, False],
            "d": pa.array([0, 86400 * 3, 86400, 43200], pa.timestamp("s")),
            "e": [7, 7, 7, 7],
            "y": [1, 2, 3, 4],
        }
    )
    encoder = Encoder.learn(table, {"y"}, (), 64)
    assert encoder.features == ["a", "a missing", "b=x", "b=y", "b missing", "c", "d"]
    assert encoder.constant == ("e",)
    X = encoder.X(table, "float64")
    np.testing.assert_array_equal(
        X,
        [
            [-2, 0, 0, 1, 0, 1, -0.75],
            [0, 1, 1, 0, 0, 0, 2.25],
            [0, 0, 0, 0, 1, 0, 0.25],
            [5, 0, 0, 1, 0, 0, -0.25],
        ],
    )
    shift, scale = encoder.standard(X)
    numbers = [0, 5, 6]
    np.testing.assert_allclose(shift[numbers], X[:, numbers].mean(0), rtol=1e-15)
    np.testing.assert_allclose(1 / scale[numbers], X[:, numbers].std(0), rtol=1e-15)
    assert shift[1:5].tolist() == [0] * 4
    assert scale[1:5].tolist() == [1] * 4


def test_sums_are_one_after_the_other(rng):
    """As a loop over the rows has them, whatever vector unit NumPy's own sum would use."""
    x = rng.normal(3, 2, 1001)
    total = square = 0.0
    for value in x:
        total += value
    for value in x:
        square += (value - total / 1001) ** 2
    assert mean_and_deviation(x) == (total / 1001, np.sqrt(square / 1001))


@pytest.mark.parametrize("target", ["price", "dear"])
def test_training_is_a_fit_by_hand(target):
    """The documented recipe: the split of the seed, columns of the training rows, one `fit`."""
    table = made()
    other = {"price": "dear", "dear": "price"}[target]
    got = TableModel.fit(table, target, drop=(other,), seed=3, **FEW)
    raw = table.column(target).to_numpy(zero_copy_only=False)
    if target == "dear":
        y = (raw == "yes").astype(np.int64)
        net, K = {"output": "softmax", "loss": "cross_entropy"}, 2
    else:
        y, net, K = raw, {}, 1
    like = dr.MLP([1, K], **net).architecture
    training, held_out = split(0.2, y, None, like, np.random.default_rng(3))
    encoder = Encoder.learn(table.take(training), {"price", "dear"}, (), 64)
    X = encoder.X(table, "float32")
    shift, scale = encoder.standard(X[training])
    if target == "price":
        shift_y, scale_y = mean_and_deviation(y)
        y = (y - shift_y) / scale_y
    mlp = dr.MLP([X.shape[1], 8, K], seed=3, input_shift=shift, input_scale=scale, **net)
    history = mlp.fit(
        X[training], y[training], batch_size=16, epochs=4, seed=3,
        validation=(X[held_out], y[held_out]), stopping=EarlyStopping("loss", 20),
    )  # fmt: skip
    np.testing.assert_array_equal(got.mlp.w, mlp.w)
    assert got.history.loss == history.loss
    assert got.history.validation_loss == history.validation_loss
    assert got.n_rows == (len(training), len(held_out))
    # And what it says of the rows it was judged by.
    evaluation = got.evaluate(table.take(held_out))
    assert got.scores == evaluation.scores
    assert evaluation.rows == len(held_out)


def test_predictions_of_numbers(model):
    table = made(seed=1)
    values = model.predict(table).column("predicted_price").to_numpy()
    y_hat = model.mlp.predict(model.features(table))[:, 0].astype(np.float64)
    np.testing.assert_array_equal(values, y_hat * model.target.scale + model.target.shift)
    y = table.column("price").to_numpy()
    scores = model.evaluate(table).scores
    assert scores["mean_absolute_error"] == pytest.approx(np.abs(y - values).mean(), rel=1e-12)
    rmse = np.sqrt(((y - values) ** 2).mean())
    assert scores["root_mean_squared_error"] == pytest.approx(rmse, rel=1e-12)
    assert scores["r2"] == pytest.approx(1 - rmse**2 / y.var(), rel=1e-12)


def test_predictions_of_classes():
    table = made(300)
    model = TableModel.fit(table, "dear", drop=("price",), hidden=(16,), epochs=30)
    got = model.predict(table, keep=["town"])
    assert got.column_names == ["town", "predicted_dear", "probability_no", "probability_yes"]
    p = np.column_stack([got.column(2), got.column(3)])
    np.testing.assert_array_equal(p, model.mlp.predict(model.features(table)))
    said = np.array(["no", "yes"])[p.argmax(1)]
    assert got.column("predicted_dear").to_pylist() == said.tolist()
    truth = np.array(table.column("dear").to_pylist())
    result = model.evaluate(table)
    assert result.scores["accuracy"] == np.mean(truth == said) > 0.8
    chosen = p[np.arange(300), (truth == "yes").astype(int)].astype(np.float64)
    assert result.scores["cross_entropy"] == pytest.approx(-np.log(chosen).mean(), rel=1e-12)
    no, yes = result.classes
    assert (no.rows, yes.rows) == ((truth == "no").sum(), (truth == "yes").sum())
    assert yes.predicted == (said == "yes").sum()
    assert yes.recall == np.mean(said[truth == "yes"] == "yes")
    assert no.precision == np.mean(truth[said == "no"] == "no")


def test_order_of_columns_and_others_do_not_matter(model):
    table = made(seed=1)
    mixed = table.select(table.column_names[::-1]).append_column("new", [["?"] * 120])
    assert model.predict(mixed) == model.predict(table.drop_columns(["price", "dear"]))


def test_what_training_never_saw(model):
    table = made(6, seed=1).set_column(1, "town", [["Bern", "Rom", None, "Rom", "Zug", "Olten"]])
    table = table.set_column(2, "garden", [[True, None, True, True, False, False]])
    with pytest.warns(TableWarning) as caught:
        X = model.features(table)
    said = [str(w.message) for w in caught]
    assert any("'town': 3 rows with 'Olten', 'Rom', which training never saw" in s for s in said)
    assert any("'garden': 1 row without a value, which training never had" in s for s in said)
    features = model.encoder.features
    towns = X[:, [i for i, name in enumerate(features) if name.startswith("town")]]
    # Basel, Bern, Zug, missing
    assert towns.tolist() == [
        [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0],
    ]  # fmt: skip
    assert X[1, features.index("garden")] == 0  # the median
    with pytest.raises(ValueError, match="'town': 3 rows with 'Olten', 'Rom', which training"):
        model.predict(table, strict=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["size", "sold"]), "no column 'size', 'sold'; expected all"),
        (lambda t: t.set_column(0, "size", [["a", None, "3"]]), "row 0 holds the text 'a'"),
        (lambda t: t.set_column(0, "size", [[1.0, np.inf, 2.0]]), "row 1 holds inf"),
        (lambda t: t.set_column(0, "size", [[1.0, 1e300, 2.0]]), r"row 1 holds 1e\+300"),
        (lambda t: t.set_column(3, "sold", [[1, 2, 3]]), "expected dates, as in training"),
        (lambda t: t.set_column(2, "garden", t.column("sold")), "expected numbers, as in training"),
        (lambda t: t.set_column(1, "town", [[0.5, 1.0, 2.0]]), "row 0 holds 0.5; expected texts"),
        (lambda t: t.set_column(1, "town", [[[1], [2], [3]]]), "values of type list"),
        (lambda t: t.rename_columns(["size", "size", *t.column_names[2:]]), "names two columns"),
        (lambda t: t.slice(0, 0), "no rows; expected some"),
        (lambda t: 7, "7 of type int; expected the path of a file, or a table"),
        (lambda t: "new.xlsx", r"'new.xlsx': the end of its name; expected .csv"),
    ],
)
def test_tables_that_do_not_fit(model, change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        model.predict(change(made(3, seed=1)))


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 10, "classification"),
        ([True, False] * 10, "classification"),
        ([1, 2, 3, 4] * 5, "classification"),
        ([1.0, 2.0] * 10, "classification"),
        ([1.0, 2.5] * 10, "regression"),
        ([1, 2, 3, 4, 5] * 4, "regression"),  # 4 rows for each on average: fewer than 5
        (list(range(20)) * 5, "classification"),
        (list(range(21)) * 5, "regression"),
    ],
)
def test_task(values, task):
    assert task_of("y", pa.chunked_array([values])) == task


def test_task_that_is_asked_for():
    x = np.arange(40.0)
    table = {"x": x, "y": (x % 3).astype(int)}
    model = TableModel.fit(table, "y", task="regression", **FEW)
    assert model.predict(table).column_names == ["predicted_y"]
    table["y"] = (x % 30).astype(int)
    model = TableModel.fit(table, "y", task="classification", **FEW)
    assert model.mlp.layers[-1] == 30
    assert model.predict(table).column(0).type == pa.int64()


def test_loss_that_needs_the_target_itself():
    table = {"x": np.arange(60.0), "count": np.arange(60) % 31}
    model = TableModel.fit(table, "count", loss="poisson", **FEW)
    assert (model.target.shift, model.target.scale) == (0.0, 1.0)
    assert model.mlp.architecture.activations[-1] == "exponential"


def test_targets_that_training_never_saw():
    model = TableModel.fit(made(), "dear", **FEW)
    table = made(3, seed=1).set_column(7, "dear", [["no", "yes", "perhaps"]])
    with pytest.raises(ValueError, match="'dear': row 2 holds 'perhaps'; expected one of 'no', 'y"):
        model.evaluate(table)
    with pytest.raises(ValueError, match="column 'price': row 1 holds inf; expected finite"):
        TableModel.fit(made(3).set_column(6, "price", [[1.0, np.inf, 2.0]]), "price", **FEW)


def test_rows_without_a_target_are_left_out():
    table = made()
    y = table.column("price").to_pylist()
    y[3], y[50] = None, float("nan")
    gaps = table.set_column(6, "price", [y])
    whole = table.take([i for i in range(120) if i not in (3, 50)])
    with pytest.warns(TableWarning, match="'price': 2 rows without a value left out"):
        got = TableModel.fit(gaps, "price", drop=("dear",), **FEW)
    np.testing.assert_array_equal(
        got.mlp.w, TableModel.fit(whole, "price", drop=("dear",), **FEW).mlp.w
    )


@pytest.mark.parametrize("row", [7, 61, 118])
def test_errors_name_rows_of_the_table_that_was_given(row):
    """Whichever way the row goes, before it six without a target."""

    def bad(name, value, target="price"):
        columns = made().to_pydict()
        columns[name][row] = value
        columns[target][:6] = [None] * 6
        return columns

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        for columns, target, options in (
            (bad("size", np.inf), "price", {}),
            (bad("size", np.inf), "price", {"holdout": 0}),
            (bad("size", 1e39), "price", {}),
            (bad("price", np.inf), "price", {}),
            (bad("price", -1e9), "price", {"loss": "poisson"}),
        ):
            with pytest.raises(ValueError, match=f": row {row} holds"):
                TableModel.fit(columns, target, drop=("nothing",), **options, **FEW)
        for options, value in (
            ({"loss": "poisson"}, -1e9),
            ({"loss": "poisson"}, 1e39),
            ({}, np.inf),
            ({}, 1e300),
        ):
            told = {"drop": ("dear",), **FEW, **options}
            good = bad("size", 1.0)
            good["price"] = [None if y is None else abs(y) for y in good["price"]]
            wrong = {**good, "price": [*good["price"]]}
            wrong["price"][row] = value
            shown = f"(column|target) 'price': row {row} holds {value:g}; exp".replace("+", r"\+")
            with pytest.raises(ValueError, match=f"^valid: {shown}"):
                TableModel.fit(good, "price", wrong, **told)
            if value != 1e300:  # which stretches the scale of a table of its own
                with pytest.raises(ValueError, match=f"^{shown}"):
                    TableModel.fit(wrong, "price", **told)
        classes = TableModel.fit(made(), "dear", **FEW)
        with pytest.raises(ValueError, match=f": row {row} holds 'perhaps'"):
            classes.evaluate(bad("dear", "perhaps", "dear"))
        with pytest.raises(ValueError, match=f": row {row} holds inf"):
            TableModel.fit(made(), "price", bad("size", np.inf), drop=("dear",), **FEW)


def test_rows_given_to_judge_by(model):
    valid = made(30, seed=2)
    got = TableModel.fit(made(), "price", valid, drop=("dear",), **FEW)
    assert got.n_rows == (120, 30)
    assert got.scores == got.evaluate(valid).scores
    none = TableModel.fit(made(), "price", drop=("dear",), holdout=0, **FEW)
    assert none.n_rows == (120, 0)
    assert (none.scores, none.history.validation_loss) == ({}, [])


def test_numbers_as_categories(tmp_path):
    table = pa.table({"code": [1, 2, 3] * 20, "y": [1.0, 5.0, 2.0] * 20})
    model = TableModel.fit(table, "y", categories=("code",), **FEW)
    assert model.encoder.features == ["code=1", "code=2", "code=3"]
    # As floats and as CSV too: the way pandas stores whole numbers with gaps.
    floats = table.set_column(0, "code", table.column("code").cast(pa.float64()))
    assert model.predict(floats) == model.predict(table)
    write(table, tmp_path / "t.csv")
    assert model.predict(tmp_path / "t.csv") == model.predict(table)
    with pytest.raises(ValueError, match=r"'code': 3 different texts in 48 rows, .* at most 2"):
        TableModel.fit(table, "y", categories=("code",), max_categories=2, **FEW)


@pytest.mark.parametrize("end", ["csv", "tsv", "csv.gz", "parquet"])
def test_files_of_every_kind_give_one_model(tmp_path, end, model):
    table = made().drop_columns(["nothing"])
    path = tmp_path / f"t.{end}"
    write(table, path)
    got = TableModel.fit(path, "price", drop=("dear",), **FEW)
    np.testing.assert_array_equal(got.mlp.w, model.mlp.w)
    assert got.predict(path) == model.predict(table)


def test_pandas_tables_and_their_index(tmp_path, model):
    pandas = pytest.importorskip("pandas")
    frame = made().drop_columns(["nothing"]).to_pandas()
    frame["town"] = frame["town"].astype("category")
    got = TableModel.fit(pa.Table.from_pandas(frame), "price", drop=("dear",), **FEW)
    np.testing.assert_array_equal(got.mlp.w, model.mlp.w)
    some_rows = frame[frame["size"] > 40]  # an index with gaps, which to_parquet stores
    some_rows.to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").column_names == frame.columns.tolist()
    assert read(some_rows).column_names == frame.columns.tolist()
    assert read(pa.Table.from_pandas(some_rows)).column_names == frame.columns.tolist()
    assert isinstance(some_rows, pandas.DataFrame)


def test_types_of_csv_are_inferred_from_all_of_it(tmp_path):
    """The first fraction and the first text stand behind a megabyte of whole numbers."""
    lines = ["1,2"] * 300_000 + ["1.5,x"]
    (tmp_path / "long.csv").write_text("a,b\n" + "\n".join(lines) + "\n")
    table = read(tmp_path / "long.csv")
    assert [str(column.type) for column in table.columns] == ["double", "string"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Empty CSV file"),
        (b"a,b\n", "no rows; expected some"),
        (b"a,b\n1,2\n3\n", "bad.csv': row 1: Expected 2 columns, got 1"),
        (b"size;b\n1;2\n", "one column, 'size;b'; expected .* delimiter ';'"),
        (b"size;b\n1,5;2\n", "is ',' its delimiter"),
        (b"a,b\n" + b"1,2\n" * 200_000 + b"3\n", "row 200000: Expected 2 columns"),
        (b"size,b\n" + b"1,2\n" * 200_000 + b"x,2\n", "'size': row 200000: .*invalid value 'x'"),
        (b"a,a\n1,2\n", "'a' names two columns"),
        (b"size,b\nx,2\n", "column 'size': row 0: .*invalid value 'x'"),
        (b"size,town\n1,2\n1,\xff\n", "column 'town': row 1: .*invalid UTF8"),
    ],
)
def test_csv_that_does_not_fit(tmp_path, model, data, message):
    (tmp_path / "bad.csv").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        model.predict(tmp_path / "bad.csv")


def test_names_that_are_no_utf8(tmp_path):
    for encoding, expected in (("latin-1", "expected UTF-8$"), ("utf-16", "not UTF-16$")):
        (tmp_path / "t.csv").write_bytes("Grösse,y\n1,2\n".encode(encoding))
        with pytest.raises(ValueError, match=f"t.csv': .*{expected}"):
            read(tmp_path / "t.csv")


def test_text_that_is_no_utf8(tmp_path):
    (tmp_path / "latin.csv").write_bytes("a,y\nZürich,1\nBern,2\n".encode("latin-1"))
    with pytest.raises(ValueError, match="column 'a': bytes that are no UTF-8 text"):
        TableModel.fit(tmp_path / "latin.csv", "y", task="regression", holdout=0, **FEW)


@pytest.mark.parametrize(
    ("of", "values"),
    [
        (pa.decimal128(10, 2), [decimal.Decimal("1.5"), None]),
        (pa.uint64(), [2**63, None]),
        (pa.float16(), [np.float16(1.5), None]),
        (pa.date64(), [datetime.date(1970, 1, 2), None]),
        (pa.time32("s"), [datetime.time(12), None]),
        (pa.time64("ns"), [datetime.time(12), None]),
        (pa.duration("us"), [datetime.timedelta(days=2), None]),
        (pa.timestamp("ns", "Asia/Tokyo"), [datetime.datetime(1970, 1, 2), None]),
        (pa.dictionary(pa.int8(), pa.int64()), [5, None]),
        (pa.bool_(), [True, None]),
    ],
)
def test_numbers_of_every_type(of, values):
    expected = {"date64": 1, "time": 0.5, "dura": 2, "dict": 5, "uint": 2.0**63, "bool": 1}
    want = next((v for k, v in expected.items() if str(of).startswith(k)), 1.5)
    want = 1 if str(of).startswith("timestamp") else want
    x = numbers("x", plain(pa.chunked_array([pa.array(values, of)])))
    np.testing.assert_array_equal(x, [want, np.nan])


@pytest.mark.parametrize("of", [pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_texts_of_every_type(of):
    column = plain(pa.chunked_array([pa.array(["b", None], of)]))
    assert texts("x", column).to_pylist() == ["b", None]


@pytest.mark.parametrize(
    ("x", "dtype"), [(np.arange(40) * 1e-45, "float32"), (np.arange(40) * 1e306, "float64")]
)
def test_numbers_that_cannot_be_standardised(x, dtype):
    with pytest.raises(ValueError, match=f"column 'x': standard deviation .* that {dtype} can"):
        TableModel.fit({"x": x, "y": np.arange(40) / 3}, "y", dtype=dtype, **FEW)


def test_numbers_far_from_zero_keep_their_digits():
    """Times in days since 1970 differ by minutes: float32 alone would not tell them apart."""
    minutes = np.arange(200) * 60
    start = 1_700_000_000
    table = pa.table(
        {"t": pa.array(start + minutes, pa.timestamp("s")), "y": np.sin(minutes / 2000)}
    )
    model = TableModel.fit(table, "y", holdout=0, **FEW)
    X = model.features(table)
    assert X.dtype == np.float32
    np.testing.assert_allclose(np.diff(X[:, 0].astype(float)), 1 / 1440, rtol=1e-4)


def test_a_file_keeps_all_of_it(tmp_path, model):
    path = tmp_path / "m.safetensors"
    model.save(path)
    got = load(path)
    for name in ("encoder", "target", "settings", "history", "n_rows", "scores"):
        assert getattr(got, name) == getattr(model, name), name
    assert got.versions["deltarule"] == dr.__version__
    table = made(seed=1)
    assert got.predict(table) == model.predict(table)
    np.testing.assert_array_equal(dr.load(path).w, model.mlp.w)
    again = tmp_path / "again.safetensors"
    got.save(again)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t.pop("encoder"),
        lambda t: t["encoder"]["columns"].pop(),
        lambda t: t["encoder"]["columns"][0].update(kind="os.system"),
        lambda t: t["encoder"]["columns"][0].update(median="1"),
        lambda t: t["encoder"]["columns"][1].update(categories=["a", "a", "b"]),
        lambda t: t["encoder"]["columns"][0].update(more=1),
        lambda t: t["target"].update(scale=0.0),
        lambda t: t.update(task="classification"),
        lambda t: t["settings"].update(epochs="4"),
        lambda t: t.update(rows=[1]),
        lambda t: t.update(rows=[1, "2"]),
        lambda t: t.update(rows=[-5, 10]),
        lambda t: t.update(rows=[5, 10**30]),
        lambda t: t.update(scores=None),
        lambda t: t.update(scores={"r2": "nan"}),
        lambda t: t.update(scores={"\ud800": 0.5}),
        # What neither Arrow nor a terminal takes.
        lambda t: t["target"].update(name="\ud800"),
        lambda t: t["settings"].update(drop=["\ud800"]),
        lambda t: t["encoder"].update(constant=["\ud800"]),
        lambda t: t["encoder"].update(constant=[None]),
        lambda t: t["encoder"]["columns"][0].update(name="\ud800"),
        lambda t: t["encoder"]["columns"][1].update(categories=["Basel", "Bern", "\ud800"]),
        lambda t: t["encoder"]["columns"][0].update(name="town"),
        # Dates that no date is, nor time.
        lambda t: t["encoder"]["columns"][3].update(median=1e300),
        lambda t: t["encoder"]["columns"][3].update(median=2.0**63 / 86400),
        lambda t: t["encoder"]["columns"][3].update(holds="times", median=-1e300),
        lambda t: t["encoder"]["columns"][3].update(holds="durations", median=1e300),
    ],
)
def test_files_that_do_not_hold_together(tmp_path, model, damage):
    path = tmp_path / "m.safetensors"
    model.save(path)
    contents = container.read(path)
    damage(contents.sections["table"])
    container.write(path, "table_model", contents.sections, contents.tensors)
    with pytest.raises(dr.FileFormatError, match="table"):
        load(path)


@pytest.mark.parametrize(
    "target",
    [
        {"values": [0, 2**63]},
        {"values": [-(2**63) - 1, 0]},
        {"holds": "text", "values": ["a", "\ud800"]},
    ],
)
def test_classes_that_no_column_holds(tmp_path, target):
    path = tmp_path / "m.safetensors"
    table = pa.table({"a": [0.0, 1.0] * 9, "y": [-(2**63), 2**63 - 1] * 9})
    model = TableModel.fit(table, "y", task="classification", **FEW)
    model.save(path)
    assert load(path).predict(table) == model.predict(table)
    contents = container.read(path)
    contents.sections["table"]["target"].update(target)
    container.write(path, "table_model", contents.sections, contents.tensors)
    with pytest.raises(dr.FileFormatError, match="its section of the table does not hold"):
        load(path)


@pytest.mark.parametrize("holds", IN_DAYS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_median_has_words(holds, sign):
    assert holds in str(Number("t", holds, sign * math.nextafter(2.0**63 / 86400, 0), False))


def test_another_kind_of_file(tmp_path):
    dr.MLP([2, 1], seed=0).save(tmp_path / "mlp.safetensors")
    with pytest.raises(dr.FileFormatError, match="table"):
        load(tmp_path / "mlp.safetensors")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "cost"}, "target: no column 'cost'; expected one of 'size', 'town'"),
        ({"target": "sold"}, r"'sold': values of type date32\[day\]; expected numbers, texts"),
        ({"target": "nothing"}, "'nothing': no row has a value"),
        ({"target": "country"}, "'country': every row holds 'CH'; expected two classes"),
        ({"drop": ("cost",)}, "drop: 'cost'; expected names of features: 'size'"),
        ({"drop": ("price",)}, "drop: 'price'; expected names of features: 'size'"),
        ({"categories": ("cost",)}, "categories: 'cost'"),
        ({"loss": "focal"}, "loss: 'focal.*' for a regression; expected one of half_squared"),
        ({"metric": "accuracy"}, "metric: 'accuracy' for a regression"),
        ({"class_weight": "balanced"}, "class_weight for a regression"),
        ({"target": "dear", "metric": "r2"}, "metric: 'r2'; expected loss or accuracy"),
        ({"task": "classification"}, "'price': row 0 holds .*; expected texts or whole numbers"),
        ({"target": "dear", "task": "regression"}, "values of type string; expected numbers"),
        ({"hidden": (8, 0)}, "hidden: 0; expected an integer >= 1"),
        ({"hidden": 8}, "hidden: 8; expected a list of whole numbers"),
        ({"epochs": 0}, "epochs: 0; expected an integer >= 1"),
        ({"holdout": 1.0}, "holdout: 1.0; expected a number >= 0 and < 1"),
        ({"optimizer": "adma"}, "optimizer: 'adma'; expected one of sgd, adam"),
        ({"optimizer": "sgd(momentun=1)"}, "optimizer: .*unexpected keyword argument 'momentun'"),
        ({"optimizer": "sgd(momentum=x)"}, "'momentum=x'; expected name=number, true or false"),
        ({"eta": 0}, "eta: 0; expected a number > 0"),
        ({"activation": "softmix"}, "activation: 'softmix'"),
        ({"loss": "quantile(0.1, 0.9)"}, "loss: 'quantile.*'; expected one of "),
        ({"delimiter": ";;"}, "delimiter: ';;'; expected one ASCII character"),
        ({"holdout": 0.5, "task": "classification", "target": "id"}, "holdout: 0.5 of 120 rows"),
        (
            {"loss": "gamma", "target": "change"},
            "'change': row 0 holds -1.5; .* > 0 for loss",
        ),
        ({"epoch": 3}, "unexpected keyword argument 'epoch'"),
    ],
)
def test_settings_that_do_not_fit(arguments, message):
    table = made().append_column("id", [range(120)]).append_column("change", [[-1.5, 2] * 60])
    with pytest.raises((ValueError, TypeError), match=message):
        TableModel.fit(table, **{"target": "price"} | FEW | arguments)


def test_settings_reach_the_training(monkeypatch):
    """All that `MLP` and its `fit` take of them."""
    seen = {}
    monkeypatch.setattr(dr.MLP, "fit", lambda *args, **named: seen.update(named, args=args[3:]))
    TableModel.fit(
        made(), "dear", hidden=(5, 4), activation="tanh", loss="focal", l2=0.5, dropout=0.25,
        optimizer="sgd", eta=0.5, batch_size=7, epochs=9, patience=3, metric="accuracy",
        max_seconds=60, class_weight="balanced", seed=11, dtype="float64", threads=2,
    )  # fmt: skip
    X, y = seen.pop("validation")
    assert (X.dtype, y.dtype) == (np.float64, np.int64)
    assert seen == {
        "args": (dr.SGD(eta=0.5), 7, 9), "seed": 11, "n_threads": 2, "class_weight": "balanced",
        "dropout": 0.25, "stopping": EarlyStopping("accuracy", 3), "max_seconds": 60.0,
        "callbacks": (),
    }  # fmt: skip


def test_settings_reach_the_network():
    model = TableModel.fit(
        made(), "dear", hidden=(5, 4), activation="tanh", loss="focal", l2=0.5, dtype="float64",
        epochs=1,
    )  # fmt: skip
    net = model.mlp.architecture
    assert net.layers[1:] == (5, 4, 2)
    assert net.activations == ("tanh", "tanh", "softmax")
    assert (net.loss, net.l2, net.dtype) == ("focal(gamma=2.0)", 0.5, "float64")


def test_optimizer_with_parameters():
    rule = Settings(optimizer="SGD(momentum=0.9, nesterov=true)", eta=0.05).rule()
    assert rule == dr.SGD(eta=0.05, momentum=0.9, nesterov=True)


def test_nothing_is_warned_of_when_all_is_well(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(made())


def test_a_category_has_categories() -> None:
    with pytest.raises(ValueError, match="expected what training learns"):
        Category("colour", (), False)


@pytest.mark.filterwarnings("ignore:target 'y'. 1 row without a value")
def test_views_and_runs_are_what_they_stand_for(tmp_path):
    """Types of which pyarrow takes no rows: decoded, left out, or refused by name."""
    n = 40
    y = pa.array([None if i == 3 else float(i) for i in range(n)])
    plain_ones = {"a": ["x", "y"] * 20, "b": [1.0] * 20 + [2.0] * 20, "y": y}
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([20, n], pa.int32()), pa.array([1.0, 2.0]))
    views = {"a": pa.array(plain_ones["a"], pa.string_view()), "b": runs, "y": y}
    parquet.write_table(pa.table(views).drop_columns("b"), tmp_path / "a.parquet")
    first, second = (
        TableModel.fit(pa.table(of), "y", **FEW) for of in (plain_ones, views)
    )  # fmt: skip
    assert first.mlp.w.tobytes() == second.mlp.w.tobytes()
    no_features = {
        "bytes": pa.array([b"x"] * n, pa.binary_view()),
        "list": pa.array([["x"]] * n, pa.list_(pa.string_view())),
        "run": pa.RunEndEncodedArray.from_arrays(
            pa.array([n], pa.int32()), pa.array(["x"], pa.string_view())
        ),
    }  # fmt: skip
    TableModel.fit(tmp_path / "a.parquet", "y", **FEW)
    for name, column in no_features.items():
        with pytest.raises(ValueError, match=f"column '{name}': values of type"):
            TableModel.fit(pa.table({**views, name: column}), "y", **FEW)
    left_out = pa.table({**views, **no_features})
    third = TableModel.fit(left_out, "y", drop=tuple(no_features), **FEW)
    assert third.mlp.w.tobytes() == first.mlp.w.tobytes()


def test_a_long_optimizer_takes_no_long_time():
    with pytest.raises(ValueError, match="optimizer: "):
        Settings(optimizer="adam" + " " * 10**6 + "x")
