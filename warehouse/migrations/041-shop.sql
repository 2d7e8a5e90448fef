-- Written by `npx cupel migrations new` from the datasets, to be read before it is committed.

-- table shop_events
CREATE TABLE IF NOT EXISTS "shop_events" (
  "id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "user_id" text NOT NULL,
  "session_id" text NOT NULL,
  "action" text NOT NULL CHECK ("action" IN ('view', 'purchase')),
  "product_id" text NOT NULL,
  "event_time" timestamptz(3) NOT NULL,
  "price" numeric(18, 4),
  "user_agent" text,
  "browser" text,
  "system" text,
  "device" text,
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE ("user_id", "session_id", "action", "product_id", "event_time")
);
COMMENT ON TABLE "shop_events" IS 'Shop events: who looked at which product, and who bought it.';
COMMENT ON COLUMN "shop_events"."user_id" IS 'The visitor: digits, more of them than a double holds.';
COMMENT ON COLUMN "shop_events"."session_id" IS 'The session, as the tracker of the shop named it.';
COMMENT ON COLUMN "shop_events"."action" IS 'What was done.';
COMMENT ON COLUMN "shop_events"."product_id" IS 'The product.';
COMMENT ON COLUMN "shop_events"."event_time" IS 'When it was done.';
COMMENT ON COLUMN "shop_events"."price" IS 'What was paid, of a purchase.';
COMMENT ON COLUMN "shop_events"."user_agent" IS 'The User-Agent header of the request.';
COMMENT ON COLUMN "shop_events"."browser" IS 'Browser, by the user agent.';
COMMENT ON COLUMN "shop_events"."system" IS 'Operating system, by the user agent.';
COMMENT ON COLUMN "shop_events"."device" IS 'Type of device, by the user agent.';
COMMENT ON COLUMN "shop_events"."id" IS 'Counts the rows in the order in which they came to stand here, with gaps.';
COMMENT ON COLUMN "shop_events"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "shop_events"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "shop_events"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "shop_events"."_loaded_at" IS 'When this row came to stand here.';

-- summaries of shop_events
DROP TABLE IF EXISTS "shop_events_touched";
CREATE TABLE "shop_events_touched" (
  "user_id" text,
  "product_id" text,
  "event_time" timestamptz(3),
  "_through" text
);
COMMENT ON TABLE "shop_events_touched" IS 'What changed in shop_events since it was last summarized.';
DROP TABLE IF EXISTS "shop_sessions" CASCADE;
CREATE TABLE "shop_sessions" (
  "user_id" text NOT NULL,
  "started_at" timestamptz(3),
  "ended_at" timestamptz(3),
  "views" bigint,
  "purchases" bigint,
  "spent" numeric
);
CREATE INDEX ON "shop_sessions" ("user_id");
COMMENT ON TABLE "shop_sessions" IS 'Sessions of the shop: what a visitor did without a pause of half an hour. A summary of shop_events, kept by gold/summarize: whoever writes to it is overwritten.';
COMMENT ON COLUMN "shop_sessions"."user_id" IS 'The visitor: digits, more of them than a double holds.';
COMMENT ON COLUMN "shop_sessions"."started_at" IS 'When it began.';
COMMENT ON COLUMN "shop_sessions"."ended_at" IS 'When its last event was.';
COMMENT ON COLUMN "shop_sessions"."views" IS 'Products looked at, each time.';
COMMENT ON COLUMN "shop_sessions"."purchases" IS 'Products bought.';
COMMENT ON COLUMN "shop_sessions"."spent" IS 'What was paid, in US dollars.';
DROP TABLE IF EXISTS "shop_funnel" CASCADE;
CREATE TABLE "shop_funnel" (
  "day" date NOT NULL,
  "product_id" text NOT NULL,
  "views" bigint NOT NULL,
  "viewers" bigint NOT NULL,
  "buyers" bigint NOT NULL,
  "purchases" bigint NOT NULL,
  "revenue" numeric NOT NULL,
  "conversion" numeric GENERATED ALWAYS AS (round(100.0 * buyers / nullif(viewers, 0), 2)) STORED,
  UNIQUE NULLS NOT DISTINCT ("day", "product_id")
);
COMMENT ON TABLE "shop_funnel" IS 'How many of those who looked at a product on a day bought it that day. A summary of shop_events, kept by gold/summarize: whoever writes to it is overwritten.';
COMMENT ON COLUMN "shop_funnel"."day" IS 'The day in UTC.';
COMMENT ON COLUMN "shop_funnel"."product_id" IS 'The product.';
COMMENT ON COLUMN "shop_funnel"."views" IS 'How often it was looked at.';
COMMENT ON COLUMN "shop_funnel"."viewers" IS 'Visitors who looked at it.';
COMMENT ON COLUMN "shop_funnel"."buyers" IS 'Visitors who bought it.';
COMMENT ON COLUMN "shop_funnel"."purchases" IS 'How often it was bought.';
COMMENT ON COLUMN "shop_funnel"."revenue" IS 'What was paid for it, in US dollars.';
COMMENT ON COLUMN "shop_funnel"."conversion" IS 'Buyers of 100 viewers; null where nobody looked.';
CREATE INDEX IF NOT EXISTS "shop_events_user_id" ON "shop_events" ("user_id");
CREATE INDEX IF NOT EXISTS "shop_events_product_id_event_time" ON "shop_events" ("product_id", "event_time");
DROP FUNCTION IF EXISTS "note_shop_events" CASCADE;
CREATE FUNCTION "note_shop_events"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  CASE TG_TABLE_NAME || ' ' || TG_OP
  WHEN 'shop_events INSERT' THEN INSERT INTO "shop_events_touched" ("user_id", "product_id", "event_time") SELECT "user_id", "product_id", "event_time" FROM after;
  WHEN 'shop_events UPDATE' THEN INSERT INTO "shop_events_touched" ("user_id", "product_id", "event_time") SELECT "user_id", "product_id", "event_time" FROM (SELECT * FROM before UNION ALL SELECT * FROM after) AS changed;
  WHEN 'shop_events DELETE' THEN INSERT INTO "shop_events_touched" ("user_id", "product_id", "event_time") SELECT "user_id", "product_id", "event_time" FROM before;
  WHEN 'shop_events TRUNCATE' THEN INSERT INTO "shop_events_touched" ("user_id", "product_id", "event_time") SELECT "user_id", "product_id", "event_time" FROM "shop_events";
  END CASE;
  RETURN NULL;
END $$;
CREATE TRIGGER "note_shop_events_insert" AFTER INSERT ON "shop_events" REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_shop_events"();
CREATE TRIGGER "note_shop_events_update" AFTER UPDATE ON "shop_events" REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION "note_shop_events"();
CREATE TRIGGER "note_shop_events_delete" AFTER DELETE ON "shop_events" REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION "note_shop_events"();
CREATE TRIGGER "note_shop_events_truncate" BEFORE TRUNCATE ON "shop_events" FOR EACH STATEMENT EXECUTE FUNCTION "note_shop_events"();
INSERT INTO "shop_events_touched" ("user_id", "product_id", "event_time") SELECT "user_id", "product_id", "event_time" FROM "shop_events";
INSERT INTO migrations (name, sha256) VALUES ('summaries of shop_events', 'd496ebcc32da44d9d0174a91bc8274bc1c23213a2632b2986adfe749b3ab56c1') ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now();
