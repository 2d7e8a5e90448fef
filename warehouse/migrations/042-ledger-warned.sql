-- Good records without a value that a field with the policy `warn` did not take; part of `silver`.
ALTER TABLE ledger ADD COLUMN warned bigint NOT NULL DEFAULT 0;
