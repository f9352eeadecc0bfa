-- The database of vsmgrd, schema 1. Shipped migrations never change: a change is a new file.
--
-- Desired state (resource, decision) and observed state (observed) have one row an object. What is
-- in `labels`, `spec` and `sources` is read and written by vsmgrd/model and vsmgrd/store only.
-- Times are RFC 3339 in UTC with milliseconds.

-- Which migrations made this database, and from what text.
CREATE TABLE schema_history (
  version    INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  sha256     TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

-- The number of the last change; one row.
CREATE TABLE meta (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  resource_version INTEGER NOT NULL CHECK (resource_version >= 0)
) STRICT;
INSERT INTO meta (id, resource_version) VALUES (1, 0);

-- What an operator declared.
CREATE TABLE resource (
  kind             TEXT NOT NULL,
  name             TEXT NOT NULL,
  uid              TEXT NOT NULL UNIQUE,
  generation       INTEGER NOT NULL CHECK (generation > 0),
  resource_version INTEGER NOT NULL CHECK (resource_version > 0),
  labels           TEXT NOT NULL CHECK (json_valid(labels)),
  spec             TEXT NOT NULL CHECK (json_valid(spec)),
  sources          TEXT NOT NULL CHECK (json_valid(sources)),
  created_at       TEXT NOT NULL,
  updated_at       TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT;

-- What the policies say about each binding; always of the same transaction as what it is about.
CREATE TABLE decision (
  kind    TEXT NOT NULL DEFAULT 'Binding' CHECK (kind = 'Binding'),
  name    TEXT NOT NULL,
  allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
  policy  TEXT NOT NULL,
  rule    TEXT NOT NULL,
  message TEXT NOT NULL,
  source  TEXT CHECK (source IS NULL OR json_valid(source)),
  PRIMARY KEY (kind, name),
  FOREIGN KEY (kind, name) REFERENCES resource (kind, name) ON DELETE CASCADE
) STRICT;

-- What the reconciler saw last.
CREATE TABLE observed (
  kind                TEXT NOT NULL,
  name                TEXT NOT NULL,
  observed_generation INTEGER NOT NULL,
  state               TEXT NOT NULL,
  reason              TEXT NOT NULL,
  message             TEXT NOT NULL,
  since               TEXT NOT NULL,
  socket_directory    TEXT NOT NULL,
  refused_opens       INTEGER NOT NULL,
  PRIMARY KEY (kind, name),
  FOREIGN KEY (kind, name) REFERENCES resource (kind, name) ON DELETE CASCADE
) STRICT;
