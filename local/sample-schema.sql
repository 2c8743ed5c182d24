-- A shop with the kinds of objects a real database has, so that a restore has to bring all of them back.
-- Run once in an empty database by a superuser; roles belong to the server and may be there already.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['shop_owner', 'shop_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', name); END IF;
  END LOOP;
END $$;

CREATE SCHEMA shop AUTHORIZATION shop_owner;
CREATE SCHEMA audit AUTHORIZATION shop_owner;
CREATE SCHEMA "Archive 2019" AUTHORIZATION shop_owner;
CREATE SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION pgcrypto SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO shop_owner, shop_reader;

CREATE TYPE shop.order_state AS ENUM ('new', 'paid', 'sent', 'returned');
CREATE TYPE shop.address AS (street text, city text, country char(2));
CREATE DOMAIN shop.money_amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE SEQUENCE shop.invoice_number START 100000 INCREMENT 7;

CREATE TABLE shop.customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email extensions.citext NOT NULL UNIQUE,
  name text NOT NULL,
  home shop.address,
  password_hash text NOT NULL,
  tags text[] NOT NULL DEFAULT '{}',
  credit shop.money_amount NOT NULL DEFAULT 0,
  search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED,
  joined timestamptz NOT NULL
);
CREATE INDEX ON shop.customers USING gin (search);

CREATE TABLE shop.products (
  id serial PRIMARY KEY,
  sku text NOT NULL UNIQUE,
  title text NOT NULL,
  description text NOT NULL,
  price shop.money_amount NOT NULL,
  attributes jsonb NOT NULL
);
CREATE INDEX ON shop.products USING gin (attributes jsonb_path_ops);

CREATE TABLE shop.orders (
  id bigint NOT NULL,
  customer_id bigint NOT NULL REFERENCES shop.customers,
  invoice bigint NOT NULL DEFAULT nextval('shop.invoice_number'),
  state shop.order_state NOT NULL,
  placed timestamptz NOT NULL,
  note text,
  PRIMARY KEY (placed, id)
) PARTITION BY RANGE (placed);
CREATE TABLE shop.orders_2023 PARTITION OF shop.orders FOR VALUES FROM ('2023-01-01Z') TO ('2024-01-01Z');
CREATE TABLE shop.orders_2024 PARTITION OF shop.orders FOR VALUES FROM ('2024-01-01Z') TO ('2025-01-01Z');
CREATE TABLE shop.orders_2025 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z');
CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT;
CREATE INDEX ON shop.orders (customer_id);

CREATE TABLE shop.order_lines (
  order_placed timestamptz NOT NULL,
  order_id bigint NOT NULL,
  line smallint NOT NULL,
  product_id int NOT NULL REFERENCES shop.products,
  quantity int NOT NULL CHECK (quantity > 0),
  price shop.money_amount NOT NULL,
  total numeric GENERATED ALWAYS AS (quantity * price) STORED,
  PRIMARY KEY (order_id, line),
  FOREIGN KEY (order_placed, order_id) REFERENCES shop.orders (placed, id)
);

CREATE TABLE shop.events (
  at timestamptz NOT NULL,
  session uuid NOT NULL,
  client inet,
  body jsonb NOT NULL
);
CREATE INDEX ON shop.events USING brin (at);

CREATE TABLE shop.documents (
  id int PRIMARY KEY,
  customer_id bigint REFERENCES shop.customers ON DELETE SET NULL,
  kind text NOT NULL,
  content bytea NOT NULL,
  sha256 bytea GENERATED ALWAYS AS (sha256(content)) STORED
);
ALTER TABLE shop.documents ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE shop.photos (product_id int PRIMARY KEY REFERENCES shop.products, picture oid NOT NULL);

CREATE TABLE shop.secrets (owner name NOT NULL DEFAULT current_user, note text);
ALTER TABLE shop.secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.secrets USING (owner = current_user);

-- Values that a careless copy changes.
CREATE TABLE "Archive 2019"."odd ""things"" with a \ and a ' in it" (
  "select" text, "Größe" double precision, "when" timestamp, period tsrange, flags bit varying, gone text
);
CREATE TABLE shop.empty (id int PRIMARY KEY);

CREATE TABLE audit.changes (
  id bigserial PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  what text NOT NULL,
  before jsonb
);
CREATE FUNCTION audit.remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO audit.changes (what, before) VALUES (TG_OP || ' ' || TG_TABLE_NAME, to_jsonb(OLD));
  RETURN NULL;
END $$;
CREATE TRIGGER remember AFTER UPDATE OR DELETE ON shop.customers FOR EACH ROW EXECUTE FUNCTION audit.remember();

CREATE VIEW shop.sales AS
  SELECT date_trunc('month', l.order_placed) AS month, p.sku, sum(l.total) AS turnover
  FROM shop.order_lines l JOIN shop.products p ON p.id = l.product_id GROUP BY 1, 2;
CREATE MATERIALIZED VIEW shop.best_sellers AS SELECT sku, sum(turnover) AS turnover FROM shop.sales GROUP BY sku WITH NO DATA;

COMMENT ON TABLE shop.customers IS 'People who ''bought'' something';
GRANT USAGE ON SCHEMA shop TO shop_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO shop_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO shop_reader;
DO $$
DECLARE item record;
BEGIN
  FOR item IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('shop', 'audit', 'Archive 2019') AND c.relkind IN ('r', 'p', 'v', 'm')
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO shop_owner', item.name); END LOOP;
  ALTER FUNCTION audit.remember() OWNER TO shop_owner;
  ALTER SEQUENCE shop.invoice_number OWNER TO shop_owner;
END $$;
