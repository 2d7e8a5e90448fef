-- Which silver object produced which gold rows: written in the same transaction as the rows.
CREATE TABLE ledger (
  object_key      text PRIMARY KEY,
  e_tag           text NOT NULL,
  dataset         text NOT NULL,
  dataset_version text NOT NULL,
  bronze_key      text,                       -- what the object was made of; null when it was not made by refine
  records         bigint NOT NULL,            -- in bronze: silver + quarantined + duplicates
  silver          bigint NOT NULL,
  quarantined     bigint NOT NULL,
  duplicates      bigint NOT NULL,
  problem         text,                       -- why no row of it was loaded
  loaded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (records = silver + quarantined + duplicates)
);
CREATE INDEX ledger_dataset ON ledger (dataset);
COMMENT ON TABLE ledger IS 'Silver objects that were loaded, with the counts of their refinement';
