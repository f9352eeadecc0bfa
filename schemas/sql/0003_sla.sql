-- What was held against the objectives of bindings, in windows of time that outlast the daemon.
CREATE TABLE sla_window (
  binding  TEXT NOT NULL PRIMARY KEY,
  state    TEXT NOT NULL CHECK (json_valid(state)),
  saved_at TEXT NOT NULL
) STRICT;
