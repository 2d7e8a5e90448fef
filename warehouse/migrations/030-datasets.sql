-- Written by `npx cupel migrations new` from the datasets, to be read before it is committed.

-- table users
CREATE TABLE IF NOT EXISTS "users" (
  "user_id" uuid NOT NULL,
  "full_name" text NOT NULL,
  "email" text NOT NULL,
  "phone" text NOT NULL,
  "birth_date" date NOT NULL,
  "address" text NOT NULL,
  "city" text NOT NULL,
  "country" text NOT NULL CHECK (length("country") = 2),
  "registered_at" timestamptz(3) NOT NULL,
  "updated_at" timestamptz(3) NOT NULL,
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("user_id")
);
COMMENT ON TABLE "users" IS 'User profiles: who holds accounts, as each user last described themselves.';
COMMENT ON COLUMN "users"."user_id" IS 'The user, for ever.';
COMMENT ON COLUMN "users"."full_name" IS 'Name as the user writes it. Personal.';
COMMENT ON COLUMN "users"."email" IS 'Where we write to. Personal.';
COMMENT ON COLUMN "users"."phone" IS 'Where we call, with country code. Personal.';
COMMENT ON COLUMN "users"."birth_date" IS 'Day of birth. Personal.';
COMMENT ON COLUMN "users"."address" IS 'Street and house number, one line or several. Personal.';
COMMENT ON COLUMN "users"."city" IS 'City of residence.';
COMMENT ON COLUMN "users"."country" IS 'Country of residence.';
COMMENT ON COLUMN "users"."registered_at" IS 'When the user first signed up.';
COMMENT ON COLUMN "users"."updated_at" IS 'When the profile last changed.';
COMMENT ON COLUMN "users"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "users"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "users"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "users"."_loaded_at" IS 'When this row came to stand here.';

-- table merchants
CREATE TABLE IF NOT EXISTS "merchants" (
  "merchant_id" uuid NOT NULL,
  "name" text NOT NULL,
  "category" text NOT NULL CHECK ("category" IN ('grocery', 'restaurant', 'fuel', 'travel', 'electronics', 'fashion', 'health', 'entertainment', 'utilities', 'crypto', 'gambling', 'jewelry', 'money_transfer')),
  "risk" text NOT NULL CHECK ("risk" IN ('low', 'medium', 'high')),
  "country" text NOT NULL CHECK (length("country") = 2),
  "city" text NOT NULL,
  "updated_at" timestamptz(3) NOT NULL,
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("merchant_id")
);
COMMENT ON TABLE "merchants" IS 'Merchants: where money is spent, what they sell and how risky that is.';
COMMENT ON COLUMN "merchants"."merchant_id" IS 'The merchant, for ever.';
COMMENT ON COLUMN "merchants"."name" IS 'Trading name.';
COMMENT ON COLUMN "merchants"."category" IS 'What the merchant sells.';
COMMENT ON COLUMN "merchants"."risk" IS 'Risk class that compliance assigned.';
COMMENT ON COLUMN "merchants"."country" IS 'Country of establishment.';
COMMENT ON COLUMN "merchants"."city" IS 'City of establishment.';
COMMENT ON COLUMN "merchants"."updated_at" IS 'When the merchant last changed.';
COMMENT ON COLUMN "merchants"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "merchants"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "merchants"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "merchants"."_loaded_at" IS 'When this row came to stand here.';

-- table accounts
CREATE TABLE IF NOT EXISTS "accounts" (
  "account_id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  "type" text NOT NULL CHECK ("type" IN ('checking', 'savings', 'credit')),
  "balance" numeric(18, 4) NOT NULL,
  "currency" text NOT NULL CHECK (length("currency") = 3),
  "status" text NOT NULL CHECK ("status" IN ('active', 'dormant', 'frozen', 'closed')),
  "opened_at" timestamptz(3) NOT NULL,
  "updated_at" timestamptz(3) NOT NULL,
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("account_id")
);
COMMENT ON TABLE "accounts" IS 'Accounts with their balance: what each user holds, and in which currency.';
COMMENT ON COLUMN "accounts"."account_id" IS 'The account, for ever.';
COMMENT ON COLUMN "accounts"."user_id" IS 'The user who holds it.';
COMMENT ON COLUMN "accounts"."type" IS 'Type of account.';
COMMENT ON COLUMN "accounts"."balance" IS 'Balance in the account currency; below zero when overdrawn.';
COMMENT ON COLUMN "accounts"."currency" IS 'Currency of the account.';
COMMENT ON COLUMN "accounts"."status" IS 'Whether it can be used.';
COMMENT ON COLUMN "accounts"."opened_at" IS 'When it was opened.';
COMMENT ON COLUMN "accounts"."updated_at" IS 'When balance or status last changed.';
COMMENT ON COLUMN "accounts"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "accounts"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "accounts"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "accounts"."_loaded_at" IS 'When this row came to stand here.';

-- table transactions
CREATE TABLE IF NOT EXISTS "transactions" (
  "transaction_id" uuid NOT NULL,
  "account_id" uuid NOT NULL,
  "user_id" uuid NOT NULL,
  "merchant_id" uuid NOT NULL,
  "amount" numeric(18, 4) NOT NULL,
  "currency" text NOT NULL CHECK (length("currency") = 3),
  "country" text NOT NULL CHECK (length("country") = 2),
  "city" text NOT NULL,
  "latitude" numeric(9, 6),
  "longitude" numeric(9, 6),
  "channel" text NOT NULL CHECK ("channel" IN ('pos', 'online', 'atm', 'transfer', 'mobile')),
  "device" text,
  "event_time" timestamptz(3) NOT NULL,
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("transaction_id")
);
COMMENT ON TABLE "transactions" IS 'Transactions: payments from an account to a merchant, where and how they were made.';
COMMENT ON COLUMN "transactions"."transaction_id" IS 'The transaction, for ever.';
COMMENT ON COLUMN "transactions"."account_id" IS 'The account that pays.';
COMMENT ON COLUMN "transactions"."user_id" IS 'The user who holds the account.';
COMMENT ON COLUMN "transactions"."merchant_id" IS 'The merchant who is paid.';
COMMENT ON COLUMN "transactions"."amount" IS 'What is paid, in `currency`.';
COMMENT ON COLUMN "transactions"."currency" IS 'Currency of the amount.';
COMMENT ON COLUMN "transactions"."country" IS 'Country where it was made.';
COMMENT ON COLUMN "transactions"."city" IS 'City where it was made.';
COMMENT ON COLUMN "transactions"."latitude" IS 'Degrees north.';
COMMENT ON COLUMN "transactions"."longitude" IS 'Degrees east.';
COMMENT ON COLUMN "transactions"."channel" IS 'How it was made.';
COMMENT ON COLUMN "transactions"."device" IS 'Device or terminal, where known.';
COMMENT ON COLUMN "transactions"."event_time" IS 'When it was made.';
COMMENT ON COLUMN "transactions"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "transactions"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "transactions"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "transactions"."_loaded_at" IS 'When this row came to stand here.';

-- table books
CREATE TABLE IF NOT EXISTS "books" (
  "row" bigint NOT NULL,
  "file" text NOT NULL,
  "title" text NOT NULL,
  "authors" text NOT NULL,
  "original_language" text NOT NULL,
  "first_published" bigint,
  "approximate_sales" bigint,
  "genre" text,
  "source" text,
  "note" text,
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("title", "authors")
);
COMMENT ON TABLE "books" IS 'Best-selling books: who wrote what, when, and how many copies are said to have been sold.';
COMMENT ON COLUMN "books"."row" IS 'Row of the file, from 1.';
COMMENT ON COLUMN "books"."file" IS 'File that it stands in.';
COMMENT ON COLUMN "books"."title" IS 'Title in the original language, where it is known, with the English one.';
COMMENT ON COLUMN "books"."authors" IS 'Who wrote it; several are separated by ";", "&" or "and".';
COMMENT ON COLUMN "books"."original_language" IS 'Language in which it was written.';
COMMENT ON COLUMN "books"."first_published" IS 'Year; below zero before our era.';
COMMENT ON COLUMN "books"."approximate_sales" IS 'Copies sold, as somebody estimates.';
COMMENT ON COLUMN "books"."genre" IS 'Genre.';
COMMENT ON COLUMN "books"."source" IS 'Who says so of the sales.';
COMMENT ON COLUMN "books"."note" IS 'What else there is to say.';
COMMENT ON COLUMN "books"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "books"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "books"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "books"."_loaded_at" IS 'When this row came to stand here.';

-- table purchases
CREATE TABLE IF NOT EXISTS "purchases" (
  "record_id" text NOT NULL,
  "kind" text NOT NULL CHECK ("kind" IN ('purchase', 'return', 'correction')),
  "refers_to" text,
  "receipt" text NOT NULL,
  "buyer" text,
  "store" text NOT NULL,
  "category" text NOT NULL,
  "item" text NOT NULL,
  "quantity" bigint NOT NULL,
  "unit_price" numeric(18, 4) NOT NULL,
  "discount" numeric(18, 4),
  "currency" text NOT NULL CHECK (length("currency") = 3),
  "payment_method" text CHECK ("payment_method" IN ('card', 'cash', 'transfer', 'voucher', 'other')),
  "purchased_at" timestamptz(3) NOT NULL,
  "recorded_at" timestamptz(3) NOT NULL,
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY ("record_id")
);
COMMENT ON TABLE "purchases" IS 'Purchases: lines of receipts; returns and corrections are records of their own.';
COMMENT ON COLUMN "purchases"."record_id" IS 'The record, for ever.';
COMMENT ON COLUMN "purchases"."kind" IS 'What it is.';
COMMENT ON COLUMN "purchases"."refers_to" IS 'The record that a return or a correction is about.';
COMMENT ON COLUMN "purchases"."receipt" IS 'The receipt that it stands on.';
COMMENT ON COLUMN "purchases"."buyer" IS 'Number of the buyer, where known.';
COMMENT ON COLUMN "purchases"."store" IS 'Where it was bought.';
COMMENT ON COLUMN "purchases"."category" IS 'What sort of thing it is.';
COMMENT ON COLUMN "purchases"."item" IS 'What was bought.';
COMMENT ON COLUMN "purchases"."quantity" IS 'Pieces. Of a correction below zero where there were fewer.';
COMMENT ON COLUMN "purchases"."unit_price" IS 'Of one piece, in `currency`; of a return what is paid back for one.';
COMMENT ON COLUMN "purchases"."discount" IS 'What was taken off the line, in `currency`.';
COMMENT ON COLUMN "purchases"."currency" IS 'Of price and discount.';
COMMENT ON COLUMN "purchases"."payment_method" IS 'How it was paid.';
COMMENT ON COLUMN "purchases"."purchased_at" IS 'When it was bought, brought back or corrected: the month that it counts in.';
COMMENT ON COLUMN "purchases"."recorded_at" IS 'When the till wrote this.';
COMMENT ON COLUMN "purchases"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "purchases"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "purchases"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "purchases"."_loaded_at" IS 'When this row came to stand here.';

-- summaries of transactions
DROP TABLE IF EXISTS "transactions_touched";
CREATE TABLE "transactions_touched" (
  "user_id" uuid,
  "merchant_id" uuid,
  "currency" text,
  "event_time" timestamptz(3),
  "_through" text
);
COMMENT ON TABLE "transactions_touched" IS 'What changed in transactions since it was last summarized.';
DROP TABLE IF EXISTS "daily_spending" CASCADE;
CREATE TABLE "daily_spending" (
  "day" date NOT NULL,
  "user_id" uuid NOT NULL,
  "merchant_id" uuid NOT NULL,
  "currency" text NOT NULL,
  "category" text,
  "payments" bigint NOT NULL,
  "amount" numeric NOT NULL,
  UNIQUE NULLS NOT DISTINCT ("day", "user_id", "merchant_id", "currency", "category")
);
COMMENT ON TABLE "daily_spending" IS 'What each user paid to each merchant on a day, by currency. A summary of transactions, kept by gold/summarize: whoever writes to it is overwritten.';
COMMENT ON COLUMN "daily_spending"."day" IS 'The day in UTC.';
COMMENT ON COLUMN "daily_spending"."user_id" IS 'The user who holds the account.';
COMMENT ON COLUMN "daily_spending"."merchant_id" IS 'The merchant who is paid.';
COMMENT ON COLUMN "daily_spending"."currency" IS 'Currency of the amount.';
COMMENT ON COLUMN "daily_spending"."category" IS 'What the merchant sells.';
COMMENT ON COLUMN "daily_spending"."payments" IS 'How many payments.';
COMMENT ON COLUMN "daily_spending"."amount" IS 'What was paid, in `currency`.';
DROP TABLE IF EXISTS "monthly_spending" CASCADE;
CREATE TABLE "monthly_spending" (
  "month" date NOT NULL,
  "user_id" uuid NOT NULL,
  "merchant_id" uuid NOT NULL,
  "currency" text NOT NULL,
  "category" text,
  "payments" bigint NOT NULL,
  "amount" numeric NOT NULL,
  UNIQUE NULLS NOT DISTINCT ("month", "user_id", "merchant_id", "currency", "category")
);
COMMENT ON TABLE "monthly_spending" IS 'What each user paid to each merchant in a month, by currency. A summary of transactions, kept by gold/summarize: whoever writes to it is overwritten.';
COMMENT ON COLUMN "monthly_spending"."month" IS 'The first day of the month in UTC.';
COMMENT ON COLUMN "monthly_spending"."user_id" IS 'The user who holds the account.';
COMMENT ON COLUMN "monthly_spending"."merchant_id" IS 'The merchant who is paid.';
COMMENT ON COLUMN "monthly_spending"."currency" IS 'Currency of the amount.';
COMMENT ON COLUMN "monthly_spending"."category" IS 'What the merchant sells.';
COMMENT ON COLUMN "monthly_spending"."payments" IS 'How many payments.';
COMMENT ON COLUMN "monthly_spending"."amount" IS 'What was paid, in `currency`.';
CREATE INDEX IF NOT EXISTS "transactions_user_id_event_time" ON "transactions" ("user_id", "event_time");
DROP FUNCTION IF EXISTS "note_transactions" CASCADE;
CREATE FUNCTION "note_transactions"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  CASE TG_TABLE_NAME || ' ' || TG_OP
  WHEN 'transactions INSERT' THEN INSERT INTO "transactions_touched" ("user_id", "merchant_id", "currency", "event_time") SELECT "user_id", "merchant_id", "currency", "event_time" FROM after;
  WHEN 'transactions UPDATE' THEN INSERT INTO "transactions_touched" ("user_id", "merchant_id", "currency", "event_time") SELECT "user_id", "merchant_id", "currency", "event_time" FROM (SELECT * FROM before UNION ALL SELECT * FROM after) AS changed;
  WHEN 'transactions DELETE' THEN INSERT INTO "transactions_touched" ("user_id", "merchant_id", "currency", "event_time") SELECT "user_id", "merchant_id", "currency", "event_time" FROM before;
  WHEN 'transactions TRUNCATE' THEN INSERT INTO "transactions_touched" ("user_id", "merchant_id", "currency", "event_time") SELECT "user_id", "merchant_id", "currency", "event_time" FROM "transactions";
  WHEN 'merchants INSERT' THEN INSERT INTO "transactions_touched" ("merchant_id", "_through") SELECT "merchant_id", 'merchant_id' FROM after;
  WHEN 'merchants UPDATE' THEN INSERT INTO "transactions_touched" ("merchant_id", "_through") SELECT "merchant_id", 'merchant_id' FROM ((SELECT "merchant_id", "category" FROM before EXCEPT SELECT "merchant_id", "category" FROM after) UNION ALL (SELECT "merchant_id", "category" FROM after EXCEPT SELECT "merchant_id", "category" FROM before)) AS changed;
  WHEN 'merchants DELETE' THEN INSERT INTO "transactions_touched" ("merchant_id", "_through") SELECT "merchant_id", 'merchant_id' FROM before;
  WHEN 'merchants TRUNCATE' THEN INSERT INTO "transactions_touched" ("merchant_id", "_through") SELECT "merchant_id", 'merchant_id' FROM "merchants";
  END CASE;
  RETURN NULL;
END $$;
CREATE TRIGGER "note_transactions_insert" AFTER INSERT ON "transactions" REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
CREATE TRIGGER "note_transactions_update" AFTER UPDATE ON "transactions" REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
CREATE TRIGGER "note_transactions_delete" AFTER DELETE ON "transactions" REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
CREATE TRIGGER "note_transactions_truncate" BEFORE TRUNCATE ON "transactions" FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
CREATE TRIGGER "note_transactions_insert" AFTER INSERT ON "merchants" REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
CREATE TRIGGER "note_transactions_update" AFTER UPDATE ON "merchants" REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
CREATE TRIGGER "note_transactions_delete" AFTER DELETE ON "merchants" REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
CREATE TRIGGER "note_transactions_truncate" BEFORE TRUNCATE ON "merchants" FOR EACH STATEMENT EXECUTE FUNCTION "note_transactions"();
INSERT INTO "transactions_touched" ("user_id", "merchant_id", "currency", "event_time") SELECT "user_id", "merchant_id", "currency", "event_time" FROM "transactions";
INSERT INTO migrations (name, sha256) VALUES ('summaries of transactions', 'caf1ba71e4e5372a3116e80476a124f734c168c064211709f201787ca24b0b8e') ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now();

-- summaries of purchases
DROP TABLE IF EXISTS "purchases_touched";
CREATE TABLE "purchases_touched" (
  "buyer" text,
  "category" text,
  "store" text,
  "currency" text,
  "purchased_at" timestamptz(3),
  "_through" text
);
COMMENT ON TABLE "purchases_touched" IS 'What changed in purchases since it was last summarized.';
DROP TABLE IF EXISTS "monthly_purchase_summary" CASCADE;
CREATE TABLE "monthly_purchase_summary" (
  "month" date NOT NULL,
  "buyer" text,
  "category" text NOT NULL,
  "store" text NOT NULL,
  "currency" text NOT NULL,
  "purchases" bigint NOT NULL,
  "receipts" bigint NOT NULL,
  "gross" numeric NOT NULL,
  "discounts" numeric NOT NULL,
  "returns" numeric NOT NULL,
  "corrections" numeric NOT NULL,
  "net" numeric GENERATED ALWAYS AS (gross - discounts - returns + corrections) STORED,
  "average_basket" numeric GENERATED ALWAYS AS (round((gross - discounts) / nullif(receipts, 0), 2)) STORED,
  UNIQUE NULLS NOT DISTINCT ("month", "buyer", "category", "store", "currency")
);
COMMENT ON TABLE "monthly_purchase_summary" IS 'What each buyer bought and brought back in a month, by category and store. A summary of purchases, kept by gold/summarize: whoever writes to it is overwritten.';
COMMENT ON COLUMN "monthly_purchase_summary"."month" IS 'The first day of the month in UTC.';
COMMENT ON COLUMN "monthly_purchase_summary"."buyer" IS 'Number of the buyer, where known.';
COMMENT ON COLUMN "monthly_purchase_summary"."category" IS 'What sort of thing it is.';
COMMENT ON COLUMN "monthly_purchase_summary"."store" IS 'Where it was bought.';
COMMENT ON COLUMN "monthly_purchase_summary"."currency" IS 'Of price and discount.';
COMMENT ON COLUMN "monthly_purchase_summary"."purchases" IS 'How many lines were bought.';
COMMENT ON COLUMN "monthly_purchase_summary"."receipts" IS 'On how many receipts.';
COMMENT ON COLUMN "monthly_purchase_summary"."gross" IS 'What they cost before discounts.';
COMMENT ON COLUMN "monthly_purchase_summary"."discounts" IS 'What was taken off.';
COMMENT ON COLUMN "monthly_purchase_summary"."returns" IS 'What was paid back.';
COMMENT ON COLUMN "monthly_purchase_summary"."corrections" IS 'What corrections add, or take away below zero.';
COMMENT ON COLUMN "monthly_purchase_summary"."net" IS 'What was kept: gross - discounts - returns + corrections.';
COMMENT ON COLUMN "monthly_purchase_summary"."average_basket" IS 'What a receipt came to, after discounts; null of none.';
CREATE VIEW "monthly_purchase_change" AS
SELECT month, buyer, category, store, currency, sum(net) AS net, sum(net_before) AS net_before, sum(net - net_before) AS change
FROM (SELECT month, buyer, category, store, currency, net, 0 AS net_before FROM monthly_purchase_summary
  UNION ALL SELECT (month + interval '1 month')::date, buyer, category, store, currency, 0, net FROM monthly_purchase_summary) AS months
GROUP BY month, buyer, category, store, currency;
COMMENT ON VIEW "monthly_purchase_change" IS 'Each group of a month or the one before it: what was kept in both, and the difference.';
CREATE INDEX IF NOT EXISTS "purchases_buyer_purchased_at" ON "purchases" ("buyer", "purchased_at");
DROP FUNCTION IF EXISTS "note_purchases" CASCADE;
CREATE FUNCTION "note_purchases"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  CASE TG_TABLE_NAME || ' ' || TG_OP
  WHEN 'purchases INSERT' THEN INSERT INTO "purchases_touched" ("buyer", "category", "store", "currency", "purchased_at") SELECT "buyer", "category", "store", "currency", "purchased_at" FROM after;
  WHEN 'purchases UPDATE' THEN INSERT INTO "purchases_touched" ("buyer", "category", "store", "currency", "purchased_at") SELECT "buyer", "category", "store", "currency", "purchased_at" FROM (SELECT * FROM before UNION ALL SELECT * FROM after) AS changed;
  WHEN 'purchases DELETE' THEN INSERT INTO "purchases_touched" ("buyer", "category", "store", "currency", "purchased_at") SELECT "buyer", "category", "store", "currency", "purchased_at" FROM before;
  WHEN 'purchases TRUNCATE' THEN INSERT INTO "purchases_touched" ("buyer", "category", "store", "currency", "purchased_at") SELECT "buyer", "category", "store", "currency", "purchased_at" FROM "purchases";
  END CASE;
  RETURN NULL;
END $$;
CREATE TRIGGER "note_purchases_insert" AFTER INSERT ON "purchases" REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_purchases"();
CREATE TRIGGER "note_purchases_update" AFTER UPDATE ON "purchases" REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_purchases"();
CREATE TRIGGER "note_purchases_delete" AFTER DELETE ON "purchases" REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION "note_purchases"();
CREATE TRIGGER "note_purchases_truncate" BEFORE TRUNCATE ON "purchases" FOR EACH STATEMENT EXECUTE FUNCTION "note_purchases"();
INSERT INTO "purchases_touched" ("buyer", "category", "store", "currency", "purchased_at") SELECT "buyer", "category", "store", "currency", "purchased_at" FROM "purchases";
INSERT INTO migrations (name, sha256) VALUES ('summaries of purchases', '332223bc8dd9b13783eb7c2e00cb3cff731faeeea3c291a7e69a6819da7382ce') ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now();
