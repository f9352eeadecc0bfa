-- The database of vsmgrd, schema 5: handoffs of domains between nodes (docs/migration.md), and who owns the bindings that moved.

-- One row a handoff, of either role. `record` is vsmgrd/migration's own; what stands beside it is for people and their tools.
-- The deadline is that of the phase, by the wall clock as it was: the daemon itself counts by another.
CREATE TABLE handoff (
  id         TEXT NOT NULL PRIMARY KEY,
  role       TEXT NOT NULL CHECK (role IN ('source', 'destination')),
  domain     TEXT NOT NULL,
  peer       TEXT NOT NULL,
  phase      TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  record     TEXT NOT NULL CHECK (json_valid(record)),
  started_at TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  deadline   TEXT
) STRICT;

-- Who may serve a binding that was ever moved: `owner` alone, by `epoch`, which never falls.
CREATE TABLE standing (
  binding    TEXT NOT NULL PRIMARY KEY,
  epoch      INTEGER NOT NULL CHECK (epoch > 0),
  owner      TEXT NOT NULL,
  changed_at TEXT NOT NULL
) STRICT;
