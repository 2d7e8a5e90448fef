-- What the fraud rules look up. The rows are SAMPLES, not compliance data: replace them with your own before you decide
-- about real money. datasets/finance/reference/lists.ts holds the same for the generator; a test keeps the two alike.

-- Dated: the latest rate on or before a transaction's day (UTC) counts.
CREATE TABLE exchange_rates (
  currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  valid_from   date NOT NULL,
  usd_per_unit numeric NOT NULL CHECK (usd_per_unit > 0 AND usd_per_unit < 'Infinity'),  -- US dollars for one unit of the currency
  PRIMARY KEY (currency, valid_from)
);
COMMENT ON TABLE exchange_rates IS 'What one unit of a currency is worth in US dollars, from a day on';

CREATE TABLE suspicious_merchants (
  merchant_id uuid NOT NULL,
  reason      text NOT NULL,
  listed_from date NOT NULL,                          -- inclusive
  listed_to   date CHECK (listed_to > listed_from),   -- exclusive; null while listed
  PRIMARY KEY (merchant_id, listed_from)
);
COMMENT ON TABLE suspicious_merchants IS 'Merchants to whom every payment is suspicious';

CREATE TABLE high_risk_countries (
  country     text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),   -- ISO 3166-1 alpha-2
  reason      text NOT NULL,
  listed_from date NOT NULL,
  listed_to   date CHECK (listed_to > listed_from),
  PRIMARY KEY (country, listed_from)
);
COMMENT ON TABLE high_risk_countries IS 'Countries in which every payment is suspicious';

-- Counts the changes of the three tables, so that a decision can say what it knew. Changing them waits for its one row.
CREATE TABLE reference_version (
  only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version    bigint NOT NULL,
  changed_at timestamptz NOT NULL
);
INSERT INTO reference_version (version, changed_at) VALUES (0, clock_timestamp());

CREATE FUNCTION count_reference_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE reference_version SET version = version + 1, changed_at = clock_timestamp();
  RETURN NULL;
END $$;
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON exchange_rates
  FOR EACH STATEMENT EXECUTE FUNCTION count_reference_change();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON suspicious_merchants
  FOR EACH STATEMENT EXECUTE FUNCTION count_reference_change();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON high_risk_countries
  FOR EACH STATEMENT EXECUTE FUNCTION count_reference_change();

INSERT INTO suspicious_merchants (merchant_id, reason, listed_from, listed_to) VALUES
  ('5a3c1f00-0000-4000-8000-000000000001', 'sample: shell company', '2015-01-01', null),
  ('5a3c1f00-0000-4000-8000-000000000002', 'sample: mass chargebacks', '2015-01-01', null),
  ('5a3c1f00-0000-4000-8000-000000000003', 'sample: unlicensed exchange', '2015-01-01', null),
  ('5a3c1f00-0000-4000-8000-000000000004', 'sample: card testing', '2015-01-01', null),
  ('5a3c1f00-0000-4000-8000-000000000005', 'sample: cleared in 2021', '2015-01-01', '2021-07-01');

INSERT INTO high_risk_countries (country, reason, listed_from, listed_to) VALUES
  ('KP', 'sample: call for action', '2015-01-01', null),
  ('IR', 'sample: call for action', '2015-01-01', null),
  ('MM', 'sample: call for action', '2015-01-01', null),
  ('PK', 'sample: increased monitoring', '2018-06-29', '2022-10-21');

INSERT INTO exchange_rates (valid_from, currency, usd_per_unit) VALUES
  ('2015-01-01', 'AED', 0.272294), ('2015-01-01', 'AUD', 0.7512), ('2015-01-01', 'BRL', 0.2510), ('2015-01-01', 'CAD', 0.7745),
  ('2015-01-01', 'CHF', 1.0350), ('2015-01-01', 'CNY', 0.1502), ('2015-01-01', 'CZK', 0.0421), ('2015-01-01', 'DKK', 0.1512),
  ('2015-01-01', 'EUR', 1.1250), ('2015-01-01', 'GBP', 1.3420), ('2015-01-01', 'HKD', 0.1286), ('2015-01-01', 'HUF', 0.00341),
  ('2015-01-01', 'INR', 0.0142), ('2015-01-01', 'JPY', 0.00885), ('2015-01-01', 'KES', 0.00962), ('2015-01-01', 'KRW', 0.00085),
  ('2015-01-01', 'MXN', 0.0512), ('2015-01-01', 'NOK', 0.1165), ('2015-01-01', 'NZD', 0.6915), ('2015-01-01', 'PLN', 0.2585),
  ('2015-01-01', 'SEK', 0.1120), ('2015-01-01', 'SGD', 0.7310), ('2015-01-01', 'TRY', 0.1650), ('2015-01-01', 'USD', 1),
  ('2015-01-01', 'ZAR', 0.0702),
  ('2025-01-01', 'AED', 0.272294), ('2025-01-01', 'AUD', 0.6190), ('2025-01-01', 'BRL', 0.1615), ('2025-01-01', 'CAD', 0.6950),
  ('2025-01-01', 'CHF', 1.1020), ('2025-01-01', 'CNY', 0.1370), ('2025-01-01', 'CZK', 0.0411), ('2025-01-01', 'DKK', 0.1388),
  ('2025-01-01', 'EUR', 1.0350), ('2025-01-01', 'GBP', 1.2520), ('2025-01-01', 'HKD', 0.1287), ('2025-01-01', 'HUF', 0.00252),
  ('2025-01-01', 'INR', 0.0117), ('2025-01-01', 'JPY', 0.00636), ('2025-01-01', 'KES', 0.00773), ('2025-01-01', 'KRW', 0.00068),
  ('2025-01-01', 'MXN', 0.0480), ('2025-01-01', 'NOK', 0.0879), ('2025-01-01', 'NZD', 0.5595), ('2025-01-01', 'PLN', 0.2420),
  ('2025-01-01', 'SEK', 0.0904), ('2025-01-01', 'SGD', 0.7320), ('2025-01-01', 'TRY', 0.0283), ('2025-01-01', 'USD', 1),
  ('2025-01-01', 'ZAR', 0.0530),
  ('2026-01-01', 'AED', 0.272294), ('2026-01-01', 'AUD', 0.6610), ('2026-01-01', 'BRL', 0.1820), ('2026-01-01', 'CAD', 0.7280),
  ('2026-01-01', 'CHF', 1.2610), ('2026-01-01', 'CNY', 0.1430), ('2026-01-01', 'CZK', 0.0485), ('2026-01-01', 'DKK', 0.1573),
  ('2026-01-01', 'EUR', 1.1750), ('2026-01-01', 'GBP', 1.3450), ('2026-01-01', 'HKD', 0.1285), ('2026-01-01', 'HUF', 0.00306),
  ('2026-01-01', 'INR', 0.0111), ('2026-01-01', 'JPY', 0.00638), ('2026-01-01', 'KES', 0.00775), ('2026-01-01', 'KRW', 0.00069),
  ('2026-01-01', 'MXN', 0.0556), ('2026-01-01', 'NOK', 0.0992), ('2026-01-01', 'NZD', 0.5760), ('2026-01-01', 'PLN', 0.2785),
  ('2026-01-01', 'SEK', 0.1085), ('2026-01-01', 'SGD', 0.7780), ('2026-01-01', 'TRY', 0.0233), ('2026-01-01', 'USD', 1),
  ('2026-01-01', 'ZAR', 0.0603);
