-- The database of vsmgrd, schema 2: conditions and records of decisions; policies of every
-- generation; and the logs, which have tables of their own and are bounded: events, operations,
-- audit, tokens, idempotency, warnings, decisions.
--
-- A row that stands for a person's deed says who it was: principal, role, channel and request.

ALTER TABLE meta ADD COLUMN policy_generation INTEGER NOT NULL DEFAULT 0;

-- What came to a decision beyond schema 1 ({"sharing": ..., ...}), and the number of its record.
ALTER TABLE decision ADD COLUMN detail TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(detail));
ALTER TABLE decision ADD COLUMN record INTEGER NOT NULL DEFAULT 0;

ALTER TABLE observed ADD COLUMN conditions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(conditions));

-- Each text that a policy had: in force from one generation up to, not including, another.
CREATE TABLE policy_text (
  kind             TEXT NOT NULL,
  name             TEXT NOT NULL,
  from_generation  INTEGER NOT NULL,
  until_generation INTEGER,  -- NULL: still in force
  labels           TEXT NOT NULL CHECK (json_valid(labels)),
  spec             TEXT NOT NULL CHECK (json_valid(spec)),
  sources          TEXT NOT NULL CHECK (json_valid(sources)),
  PRIMARY KEY (kind, name, from_generation)
) STRICT;
CREATE TABLE policy_generation (
  generation INTEGER PRIMARY KEY,
  at         TEXT NOT NULL,
  principal  TEXT NOT NULL,
  request_id TEXT NOT NULL,
  changes    TEXT NOT NULL CHECK (json_valid(changes))  -- [{"kind", "name", "action"}]
) STRICT;

CREATE TABLE event (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice, also when trimmed
  at               TEXT NOT NULL,
  type             TEXT NOT NULL,
  kind             TEXT NOT NULL,
  name             TEXT NOT NULL,
  uid              TEXT NOT NULL,
  labels           TEXT NOT NULL CHECK (json_valid(labels)),
  resource_version INTEGER NOT NULL,
  reason           TEXT NOT NULL,
  message          TEXT NOT NULL,
  principal        TEXT NOT NULL,
  role             TEXT NOT NULL,
  channel          TEXT NOT NULL,
  request_id       TEXT NOT NULL
) STRICT;

CREATE TABLE operation (
  id               TEXT PRIMARY KEY,
  number           INTEGER NOT NULL UNIQUE,  -- the order in which they began
  kind             TEXT NOT NULL,
  state            TEXT NOT NULL,
  phase            TEXT NOT NULL,
  done             INTEGER NOT NULL,
  total            INTEGER NOT NULL,
  unit             TEXT NOT NULL,
  cancellable      INTEGER NOT NULL CHECK (cancellable IN (0, 1)),
  cancel_until     TEXT NOT NULL,
  cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
  resources        TEXT NOT NULL CHECK (json_valid(resources)),
  labels           TEXT NOT NULL CHECK (json_valid(labels)),
  principal        TEXT NOT NULL,
  role             TEXT NOT NULL,
  channel          TEXT NOT NULL,
  request_id       TEXT NOT NULL,
  created_at       TEXT NOT NULL,
  updated_at       TEXT NOT NULL,
  finished_at      TEXT,
  deadline         TEXT,
  reason           TEXT NOT NULL,
  message          TEXT NOT NULL,
  result           TEXT NOT NULL CHECK (json_valid(result))
) STRICT;

-- Each row's hash covers the row and the hash before it.
CREATE TABLE audit (
  id          INTEGER PRIMARY KEY,
  at          TEXT NOT NULL,
  principal   TEXT NOT NULL,
  role        TEXT NOT NULL,
  channel     TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  verb        TEXT NOT NULL,
  kind        TEXT NOT NULL,
  name        TEXT NOT NULL,
  uid         TEXT NOT NULL,
  old_version INTEGER NOT NULL,
  new_version INTEGER NOT NULL,
  decision    INTEGER NOT NULL,
  outcome     TEXT NOT NULL,
  code        TEXT NOT NULL,
  message     TEXT NOT NULL,
  hash        TEXT NOT NULL
) STRICT;
-- Where the chain begins: the last row that was trimmed; one row.
CREATE TABLE audit_start (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  id   INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_start (one, id, hash) VALUES (1, 0, '');

-- A secret is never stored, only its SHA-256.
CREATE TABLE token (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  role         TEXT NOT NULL,
  scope        TEXT NOT NULL,
  created_by   TEXT NOT NULL,
  created_at   TEXT NOT NULL,
  expires_at   TEXT NOT NULL,
  last_used_at TEXT,
  revoked_at   TEXT,
  hash         TEXT NOT NULL,
  old_hash     TEXT NOT NULL,  -- '' unless it was rotated; taken until old_until
  old_until    TEXT
) STRICT;

CREATE TABLE idempotency (
  principal   TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status      INTEGER NOT NULL,
  headers     TEXT NOT NULL CHECK (json_valid(headers)),
  body        TEXT NOT NULL,
  at          TEXT NOT NULL,
  PRIMARY KEY (principal, key)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at);

CREATE TABLE warning (
  id              TEXT PRIMARY KEY,
  type            TEXT NOT NULL,
  kind            TEXT NOT NULL,
  name            TEXT NOT NULL,
  severity        TEXT NOT NULL,
  status          TEXT NOT NULL,
  message         TEXT NOT NULL,
  count           INTEGER NOT NULL,
  first_seen      TEXT NOT NULL,
  last_seen       TEXT NOT NULL,
  acknowledged_by TEXT NOT NULL,
  resolved_at     TEXT,
  UNIQUE (type, kind, name)
) STRICT;

-- What was decided, about what, and by which policies.
CREATE TABLE decision_record (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  at                TEXT NOT NULL,
  policy_generation INTEGER NOT NULL,
  binding           TEXT NOT NULL,
  domain            TEXT NOT NULL,
  domain_labels     TEXT NOT NULL CHECK (json_valid(domain_labels)),
  service           TEXT NOT NULL,
  service_kind      TEXT NOT NULL,
  allowed           INTEGER NOT NULL CHECK (allowed IN (0, 1)),
  decision          TEXT NOT NULL CHECK (json_valid(decision)),
  principal         TEXT NOT NULL,
  request_id        TEXT NOT NULL
) STRICT;
CREATE INDEX decision_record_binding ON decision_record (binding, id);
