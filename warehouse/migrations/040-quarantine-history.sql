-- What became of rejected records when their object was refined again under another version of the dataset. An edit needs
-- no row: its object in bronze says who, when and why.
CREATE TABLE quarantine_history (
  dataset          text NOT NULL,
  object           text NOT NULL,              -- name of the bronze object that holds the record: bronze/<folder>/<object>.ndjson
  record_offset    bigint NOT NULL,
  topic            text NOT NULL,
  partition        integer NOT NULL,
  rejected_version integer NOT NULL,           -- of the dataset, with these reasons
  reasons          json NOT NULL,              -- [{field, reason, value}], personal values masked; jsonb refuses U+0000 in them
  replayed_version integer NOT NULL,
  outcome          text NOT NULL CHECK (outcome IN ('accepted', 'rejected')),
  replayed_by      text NOT NULL,
  replayed_at      timestamptz(3) NOT NULL,
  PRIMARY KEY (dataset, object, record_offset, replayed_version)
);
COMMENT ON TABLE quarantine_history IS 'What became of rejected records when they were replayed';
