-- What detect-fraud decided about each transaction, how far it has read, and what it remembers of each user.
-- All of a batch is one transaction, so these tables always agree.

-- One row for a transaction; a transaction that came again with another content has one more, never another one instead.
CREATE TABLE fraud_decisions (
  transaction_id    uuid NOT NULL,
  version           integer NOT NULL CHECK (version > 0),   -- 1, then 2, … for corrections; the highest one counts
  account_id        uuid NOT NULL,
  user_id           uuid NOT NULL,
  merchant_id       uuid NOT NULL,
  amount            numeric(18, 4) NOT NULL,
  currency          text NOT NULL,
  amount_usd        numeric,                                -- six decimals; null when no exchange rate was known
  country           text NOT NULL,
  city              text NOT NULL,
  channel           text NOT NULL,
  event_time        timestamptz(3) NOT NULL,
  verdict           text NOT NULL CHECK (verdict IN ('fraud', 'genuine')),
  findings          jsonb NOT NULL,                         -- [{rule, version, inputs, thresholds, explanation}]
  rules             text NOT NULL,                          -- which rules looked: id@version, separated by spaces
  reference_version bigint NOT NULL,                        -- of reference_version, as it was then
  content_sha256    text NOT NULL,                          -- of the transaction as parsed: tells a repetition from a correction
  topic             text NOT NULL,                          -- where the record stands in Kafka
  partition         integer NOT NULL,
  record_offset     bigint NOT NULL,
  record_time       timestamptz(3),                         -- Kafka's timestamp; null when it is no instant of our calendar
  decided_at        timestamptz(3) NOT NULL,
  event_lag_ms      bigint NOT NULL,                        -- decided_at - event_time
  PRIMARY KEY (transaction_id, version),
  CHECK ((verdict = 'fraud') = (findings <> '[]'::jsonb))
);
CREATE INDEX fraud_decisions_user ON fraud_decisions (user_id, event_time);
CREATE INDEX fraud_decisions_fraud ON fraud_decisions (event_time) WHERE verdict = 'fraud';
COMMENT ON TABLE fraud_decisions IS 'Every valid transaction with its verdict, and the numbers behind it';

CREATE VIEW fraud_transaction AS
SELECT * FROM fraud_decisions AS decision
 WHERE verdict = 'fraud'
   AND NOT EXISTS (SELECT FROM fraud_decisions AS later
                    WHERE later.transaction_id = decision.transaction_id AND later.version > decision.version);
CREATE VIEW genuine_transaction AS
SELECT * FROM fraud_decisions AS decision
 WHERE verdict = 'genuine'
   AND NOT EXISTS (SELECT FROM fraud_decisions AS later
                    WHERE later.transaction_id = decision.transaction_id AND later.version > decision.version);
COMMENT ON VIEW fraud_transaction IS 'Transactions whose latest decision is fraud';
COMMENT ON VIEW genuine_transaction IS 'Transactions whose latest decision is genuine';

-- What a user has spent so far, in the order in which the records arrived. Sums are exact: a replay gives the same ones.
CREATE TABLE fraud_history (
  user_id        uuid PRIMARY KEY,
  payments       bigint NOT NULL DEFAULT 0,          -- genuine ones with a known exchange rate
  sum_micro_usd  numeric NOT NULL DEFAULT 0,         -- of these, in millionths of a US dollar
  sum_of_squares numeric NOT NULL DEFAULT 0,         -- of these, in squares of that
  recent         jsonb NOT NULL DEFAULT '[]'         -- latest arrivals: [[event time in ms, "micro USD" ("0" when fraud)]]
) WITH (fillfactor = 70);
COMMENT ON TABLE fraud_history IS 'Spending habits of each user, to tell what is abnormal';

-- How far each partition is decided. Its row is locked by the batch under way, so another one with the same records waits.
CREATE TABLE fraud_progress (
  topic        text NOT NULL,
  partition    integer NOT NULL,
  first_offset bigint NOT NULL,
  next_offset  bigint NOT NULL,                      -- all below are decided, or counted below
  first_record text NOT NULL,                        -- SHA-256 of the records at first_offset and next_offset - 1:
  last_record  text NOT NULL,                        -- others there mean that the topic was made anew
  decided      bigint NOT NULL DEFAULT 0,
  duplicates   bigint NOT NULL DEFAULT 0,            -- a transaction that came again with the same content
  invalid      bigint NOT NULL DEFAULT 0,            -- refine quarantines them
  tombstones   bigint NOT NULL DEFAULT 0,
  missing      bigint NOT NULL DEFAULT 0,            -- offsets in fraud_gaps
  updated_at   timestamptz NOT NULL,
  PRIMARY KEY (topic, partition),
  CHECK (next_offset - first_offset = decided + duplicates + invalid + tombstones + missing)
);
COMMENT ON TABLE fraud_progress IS 'Offsets of the transactions topic that were decided, with counts that add up';

CREATE TABLE fraud_gaps (
  topic       text NOT NULL,
  partition   integer NOT NULL,
  from_offset bigint NOT NULL,
  to_offset   bigint NOT NULL,                       -- inclusive
  cause       text,                                  -- filter, retention, transaction marker, compaction; null while unexplained
  noticed_at  timestamptz NOT NULL,
  PRIMARY KEY (topic, partition, from_offset),
  CHECK (from_offset <= to_offset)
);
COMMENT ON TABLE fraud_gaps IS 'Offsets that never arrived, between records that did';

-- Alerts to send: recorded once with the decision, sent at least once after it.
CREATE TABLE alerts (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction_id uuid NOT NULL,
  version        integer NOT NULL,
  line           text NOT NULL,
  created_at     timestamptz NOT NULL,
  sent_at        timestamptz,
  UNIQUE (transaction_id, version),
  FOREIGN KEY (transaction_id, version) REFERENCES fraud_decisions (transaction_id, version)
);
CREATE INDEX alerts_unsent ON alerts (id) WHERE sent_at IS NULL;
COMMENT ON TABLE alerts IS 'One alert for each decision that is fraud';
