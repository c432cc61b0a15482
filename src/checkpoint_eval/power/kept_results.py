"""The results of simulated trials in a Parquet file that an interruption cannot spoil."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._atomic import write_file
from checkpoint_eval.errors import OutputRefused

KEY = b"checkpoint_eval.simulate_power"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptResults:
    """Where results are kept: finished chunks beside the file until all are done.

    Attributes
    ----------
    file : Path
    names : tuple of str
        Of the analyses.
    seal : str
        SHA-256 of all that decides the numbers.
    chunk : int
        Trials in a chunk.
    """

    file: Path
    names: tuple[str, ...]
    seal: str
    chunk: int

    @property
    def folder(self) -> Path:
        """Where finished chunks wait."""
        return self.file.with_name(self.file.name + ".parts")

    def open(self, chunks: Mapping[int, int]) -> dict[int, FloatArray]:
        """Return what is held of chunks of so many trials, and make the folder.

        Raises
        ------
        OutputRefused
            When the file holds something else, or the folder cannot be made.
        """
        found = self._finished(chunks)
        for number, trials in chunks.items():
            if number not in found and (held := self._part(number, trials)) is not None:
                found[number] = held
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise OutputRefused(
                f"`results` {self.folder} cannot be made: {problem.strerror}."
            ) from problem
        return found

    def keep(self, number: int, found: FloatArray) -> None:
        """Write one chunk."""
        first = number * self.chunk
        write_file(self._place(number, found.shape[-1]), self._bytes(first, [found]))

    def finish(self, found: Sequence[FloatArray]) -> None:
        """Write the file of all chunks and remove its parts."""
        write_file(self.file, self._bytes(0, found))
        for part in self.folder.glob(f"*-{self.seal[:16]}.parquet"):
            part.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _place(self, number: int, trials: int) -> Path:
        return self.folder / f"{number:08d}-{trials}-{self.seal[:16]}.parquet"

    def _part(self, number: int, trials: int) -> FloatArray | None:
        """Return a chunk that was finished; one that cannot be read is done again."""
        place = self._place(number, trials)
        try:
            held = self._numbers(pq.read_table(place))
        except (OSError, pa.ArrowException, KeyError):
            return None
        return held if held.shape[-1] == trials else None

    def _finished(self, chunks: Mapping[int, int]) -> dict[int, FloatArray]:
        """Return the chunks of a file that was finished, where there is one."""
        if not self.file.exists():
            return {}
        try:
            told = (pq.read_schema(self.file).metadata or {}).get(KEY, b"{}")
            same = json.loads(told).get("seal") == self.seal
            held = self._numbers(pq.read_table(self.file)) if same else None
        except (OSError, ValueError, KeyError, pa.ArrowException):
            held = None
        if held is None:
            raise OutputRefused(
                f"`results` {self.file} holds something else than this study (scenario, analyses, "
                "seed, chunk and version are one study); give another path or move it away."
            )
        cut = {k: held[:, :, k * self.chunk : k * self.chunk + n] for k, n in chunks.items()}
        return {k: each for k, each in cut.items() if each.shape[-1] == chunks[k]}

    def _numbers(self, table: pa.Table) -> FloatArray:
        """Return (a, 2, t) values and p-values."""
        columns = [table[column].to_numpy() for column in self._columns()]
        return np.array(columns).reshape(len(self.names), 2, -1)

    def _columns(self) -> list[str]:
        return [f"{name}: {each}" for name in self.names for each in ("value", "p")]

    def _bytes(self, first: int, found: Sequence[FloatArray]) -> bytes:
        """Return a Parquet file of chunks in order, one row a trial."""
        numbers = np.concatenate(found, axis=-1)
        flat = numbers.reshape(-1, numbers.shape[-1])
        trial = np.arange(first, first + flat.shape[1])
        arrays = [pa.array(trial), *(pa.array(row) for row in flat)]
        told = json.dumps({"seal": self.seal, "chunk": self.chunk})
        table = pa.table(arrays, names=["trial", *self._columns()])
        sink = pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata({KEY: told}), sink)
        return bytes(sink.getvalue())
