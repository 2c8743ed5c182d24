-- A shop with its traffic: what a business keeps in PostgreSQL, with keys and indexes that a restore has to build again.
CREATE TABLE accounts (
  id bigint NOT NULL,
  email text NOT NULL,
  name text NOT NULL,
  address text NOT NULL,
  phone text,
  password_hash text NOT NULL,
  balance numeric(12, 2) NOT NULL,
  settings jsonb NOT NULL,
  created timestamptz NOT NULL
);
CREATE TABLE products (
  id int NOT NULL,
  sku text NOT NULL,
  title text NOT NULL,
  description text NOT NULL,
  price numeric(10, 2) NOT NULL,
  attributes jsonb NOT NULL
);
CREATE TABLE orders (
  id bigint NOT NULL,
  account_id bigint NOT NULL,
  token uuid NOT NULL,
  state text NOT NULL,
  total numeric(12, 2) NOT NULL,
  note text,
  placed timestamptz NOT NULL
);
CREATE TABLE order_lines (
  order_id bigint NOT NULL,
  line smallint NOT NULL,
  product_id int NOT NULL,
  quantity int NOT NULL,
  price numeric(10, 2) NOT NULL
);
CREATE TABLE events (
  id bigint NOT NULL,
  at timestamptz NOT NULL,
  session uuid NOT NULL,
  client inet,
  kind text NOT NULL,
  body jsonb NOT NULL
);
CREATE TABLE messages (
  id bigint NOT NULL,
  account_id bigint NOT NULL,
  subject text NOT NULL,
  body text NOT NULL,
  sent timestamptz NOT NULL
);
CREATE TABLE measurements (
  device int NOT NULL,
  at timestamptz NOT NULL,
  temperature double precision NOT NULL,
  pressure double precision NOT NULL,
  position point
);
CREATE TABLE attachments (
  id bigint NOT NULL,
  message_id bigint NOT NULL,
  name text NOT NULL,
  content bytea NOT NULL
);
ALTER TABLE attachments ALTER COLUMN content SET STORAGE EXTERNAL;
