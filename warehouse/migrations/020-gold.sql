-- What gold remembers beside its rows, written in the transactions that load them.

-- The newest tombstone of each key, of datasets whose tombstones delete or mark. It stays for ever, so that an older row
-- that comes late does not bring back what was deleted.
CREATE TABLE tombstones (
  dataset       text NOT NULL,
  key           text[] NOT NULL,             -- the fields of the business key, as text
  order_at      timestamptz NOT NULL,        -- when it was sent: what a row's ordering field is compared with
  _timestamp_ms bigint NOT NULL,             -- of its record in Kafka
  _partition    integer NOT NULL,
  _offset       bigint NOT NULL,
  PRIMARY KEY (dataset, key)
);
COMMENT ON TABLE tombstones IS 'Keys that were deleted, with the newest deletion of each';

-- Rows of datasets that refer to others with late: 'defer', while a parent is missing.
CREATE TABLE deferred_rows (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dataset     text NOT NULL,
  row         jsonb NOT NULL,                -- as it would stand in its table
  deferred_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX deferred_rows_dataset ON deferred_rows (dataset);
COMMENT ON TABLE deferred_rows IS 'Rows that wait for the rows they refer to';
