# SPDX-License-Identifier: BSD-3-Clause
"""`TableModel`: a network, what its columns and its target mean, and how it was trained."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

from deltarule._modes import all_in_default_modes, in_default_modes
from deltarule.files.errors import Path
from deltarule.history import History
from deltarule.mlp import MLP
from deltarule.results import Array
from deltarule.table.arrow import pa
from deltarule.table.encoder import Encoder
from deltarule.table.evaluation import Evaluation, of_classes, of_numbers
from deltarule.table.notes import TableWarning, some
from deltarule.table.reading import read
from deltarule.table.settings import Settings
from deltarule.table.target import Classes, Target
from deltarule.table.training import Rows, learn_target, parted, train, with_target


@all_in_default_modes
@dataclass(frozen=True, eq=False)
class TableModel:
    """What `TableModel.fit` learnt from a table; `load` reads it from a file.

    Attributes
    ----------
    mlp : MLP
        The network over `features`; of a regression it gives (y - shift) / scale.
    encoder : Encoder
        What became of each column.
    target : Classes or Quantity
        What the target is.
    settings : Settings
        What the training was asked for.
    history : History
        Its losses, epoch by epoch.
    n_rows : tuple of int
        How many rows trained, and how many were held out or given to judge.
    scores : dict of str to float
        Of the latter, as `evaluate` gives them; empty where there are none.
    versions : dict
        Of a model that was loaded: the release, the schema and the numerics contract of its file.
    """

    mlp: MLP
    encoder: Encoder
    target: Target
    settings: Settings
    history: History
    n_rows: tuple[int, int]
    scores: dict[str, float] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)

    @classmethod
    @in_default_modes
    def fit(
        cls,
        table: Any,
        target: str,
        valid: Any = None,
        *,
        delimiter: str | None = None,
        callbacks: Any = (),
        **settings: Any,
    ) -> TableModel:
        """Learn to predict one column of a table from the others.

        Parameters
        ----------
        table : path, pyarrow.Table or anything that `pyarrow.table` takes
            A CSV or Parquet file, or a table: Arrow, pandas, polars, a dict of arrays.
        target : str
            The column to predict. Rows without a value there are left out.
        valid : as table, optional
            Rows to stop early by. None: `holdout` of those of the table, a share of each class.
        delimiter : str, optional
            What separates the values of CSV files; None: a comma, in .tsv a tab.
        callbacks : sequence
            As `MLP.fit` takes them.
        **settings
            As `deltarule.table.Settings` has them.

        Returns
        -------
        TableModel
            With the weights of the best epoch.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit, or a column cannot be used; it is named.
        OSError
            If a file cannot be read.
        FloatingPointError, KeyboardInterrupt
            As `MLP.fit` does.
        """
        chosen = Settings(**settings)
        texts = {name: pa.string() for name in chosen.categories}
        given = with_target(read(table, texts, delimiter), target)
        for argument in ("drop", "categories"):
            unknown = set(getattr(chosen, argument)) - set(given.table.column_names) | (
                {target} & set(getattr(chosen, argument))
            )
            if unknown:
                features = [name for name in given.table.column_names if name != target]
                expected = f"names of features: {some(features, 8)}"
                raise ValueError(f"{argument}: {some(sorted(unknown))}; expected {expected}")
        with given.numbered():
            goal = learn_target(target, given.target, chosen)
        if valid is None:
            training, held_out = parted(given, goal, chosen)
        else:
            training, held_out = given, None
        with training.numbered():
            encoder = Encoder.learn(
                training.table, {target, *chosen.drop}, chosen.categories, chosen.max_categories
            )
        if valid is not None:
            types = {**encoder.csv_types, target: goal.csv_type}
            held_out = with_target(read(valid, types, delimiter), target, "valid: ")
        mlp, history = train(encoder, goal, training, held_out, chosen, callbacks)
        n_rows = (len(training.target), 0 if held_out is None else len(held_out.target))
        model = cls(mlp, encoder, goal, chosen, history, n_rows)
        if held_out is not None:
            with warnings.catch_warnings():  # said already
                warnings.simplefilter("ignore", TableWarning)
                model.scores.update(model._judge(held_out, strict=False).scores)
        return model

    def features(self, table: Any, strict: bool = False, delimiter: str | None = None) -> Array:
        """Return what the network takes: X of a raw table.

        Parameters
        ----------
        table, delimiter
            As `fit` takes them; columns in any order, others are not looked at.
        strict : bool
            Whether categories and gaps that training never had are an error. Else a
            `TableWarning`: such a category is none of the known ones, such a gap is the median.

        Returns
        -------
        array, (n, H_0)
            Its columns are `encoder.features`.

        Raises
        ------
        ValueError
            If a column is missing or does not hold what it held in training.
        OSError
            If the file cannot be read.
        """
        return self.encoder.X(self._read(table, delimiter), self.mlp.dtype, strict)

    def predict(
        self, table: Any, strict: bool = False, delimiter: str | None = None, keep: Any = ()
    ) -> Any:
        """Predict the target of each row.

        Parameters
        ----------
        table, strict, delimiter
            As `features` takes them; the table needs no target.
        keep : sequence of str
            Columns of the table that come first in the result.

        Returns
        -------
        pyarrow.Table
            "predicted_<target>"; of classes also "probability_<class>", one column each.

        Raises
        ------
        ValueError, OSError
            As `features` does.
        """
        given = self._read(table, delimiter)
        if missing := [name for name in keep if name not in given.column_names]:
            raise ValueError(f"keep: no column {some(missing)}; expected columns of the table")
        columns = {name: given.column(name) for name in keep}
        predicted = self.target.predictions(self._y_hat(given, strict))
        if twice := sorted(set(columns) & set(predicted)):
            raise ValueError(f"keep: {some(twice)}; expected other names than the predictions have")
        return pa.table(columns | predicted)

    def evaluate(
        self, table: Any, strict: bool = False, delimiter: str | None = None
    ) -> Evaluation:
        """Compare predictions with a table's target.

        Parameters
        ----------
        table, strict, delimiter
            As `features` takes them; rows without a target are left out.

        Returns
        -------
        Evaluation

        Raises
        ------
        ValueError, OSError
            As `features` does; also if the target holds a class that training never saw.
        """
        of_target = {self.target.name: self.target.csv_type}
        given = with_target(self._read(table, delimiter, of_target), self.target.name)
        return self._judge(given, strict)

    def save(self, path: Path) -> None:
        """Write it to one file, which is there whole or not at all.

        Parameters
        ----------
        path : str, bytes or path
            The file. `deltarule.load` reads its network alone, `deltarule.table.load` all of it.

        Raises
        ------
        TypeError, OSError
            If path is none, or cannot be written.
        """
        from deltarule.table.storage import save

        save(self, path)

    def _judge(self, given: Rows, strict: bool) -> Evaluation:
        with given.numbered():
            y_hat = self._y_hat(given.table, strict)
            if isinstance(self.target, Classes):
                return of_classes(self.target, self.target.Y(given.target), y_hat)
            return of_numbers(self.target.raw(given.target), self.target.values(y_hat))

    def _y_hat(self, table: Any, strict: bool) -> Array:
        X = self.encoder.X(table, self.mlp.dtype, strict)
        return self.mlp.predict(X, self.settings.threads)

    def _read(self, table: Any, delimiter: str | None, types: dict[str, Any] | None = None) -> Any:
        return read(table, {**self.encoder.csv_types, **(types or {})}, delimiter)
