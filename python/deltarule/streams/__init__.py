# SPDX-License-Identifier: BSD-3-Clause
"""Sources of rows for `fit` that need not fit into memory.

`fit(source)` takes anything that can be iterated again and again and yields blocks of rows, (X, Y)
or (X, Y, sample_weight), or a function without arguments that returns such an iterator: a generator
function. A source with an attribute `shards`, a sequence of such things, is shuffled by shards.
`ArrayFiles` and `ParquetFiles` are ready-made ones.
"""

from deltarule.streams.array_files import ArrayFiles
from deltarule.streams.parquet_files import ParquetFiles

__all__ = ["ArrayFiles", "ParquetFiles"]
