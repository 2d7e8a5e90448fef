"""Prints a silver file as pyarrow reads it: all values as text, and what the footer says of the dataset."""
import datetime
import json
import sys

import pyarrow.parquet as parquet


def text(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc)
        return f"{utc.year:04}-{utc:%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return format(value, "f") if hasattr(value, "quantize") else str(value)


file = parquet.ParquetFile(sys.argv[1])
named = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
rows = [
    {name: text(value) for name, value in row.items() if not name.startswith("_")}
    for row in file.read().to_pylist()
]
json.dump({"rows": rows, "dataset": named["dataset"], "version": named["version"]}, sys.stdout)
