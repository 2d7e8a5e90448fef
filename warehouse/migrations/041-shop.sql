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
  "_timestamp_ms" bigint NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_loaded_at" timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE ("session_id", "action", "product_id", "event_time")
);
COMMENT ON TABLE "shop_events" IS 'Shop events: what visitors of a shop look at and buy, from files that come now and then.';
COMMENT ON COLUMN "shop_events"."user_id" IS 'The visitor, for ever: digits.';
COMMENT ON COLUMN "shop_events"."session_id" IS 'The visit.';
COMMENT ON COLUMN "shop_events"."action" IS 'What was done.';
COMMENT ON COLUMN "shop_events"."product_id" IS 'The product: digits.';
COMMENT ON COLUMN "shop_events"."event_time" IS 'When it was done.';
COMMENT ON COLUMN "shop_events"."price" IS 'What was paid, where something was bought.';
COMMENT ON COLUMN "shop_events"."user_agent" IS 'What the browser says of itself.';
COMMENT ON COLUMN "shop_events"."id" IS 'Counts the rows in the order in which they came to stand here, with gaps.';
COMMENT ON COLUMN "shop_events"."_timestamp_ms" IS 'Kafka timestamp of the record, milliseconds since 1970.';
COMMENT ON COLUMN "shop_events"."_partition" IS 'Kafka partition of the record.';
COMMENT ON COLUMN "shop_events"."_offset" IS 'Kafka offset of the record.';
COMMENT ON COLUMN "shop_events"."_loaded_at" IS 'When this row came to stand here.';
