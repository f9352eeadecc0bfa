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

-- As the first vsmgrd wrote it.
INSERT INTO schema_history VALUES (1, '0001_initial', '5c9ed3b7de08e76c748547b2e0ef8baad566b5013a35fab2e367ede0401d406d', '2026-11-23T09:00:00.000Z');
PRAGMA application_id = 1448299847;
PRAGMA user_version = 1;
UPDATE meta SET resource_version = 7;
INSERT INTO resource VALUES ('Domain', 'web1', 'u-1', 1, 1, '{"tier":"web"}', '{"description":"","type":"sandbox"}', '{"at":{},"files":[]}', '2026-11-23T09:00:00.001Z', '2026-11-23T09:00:00.001Z');
INSERT INTO resource VALUES ('Domain', 'web2', 'u-2', 2, 5, '{}', '{"description":"second","memoryMiB":64,"type":"container"}', '{"at":{},"files":[]}', '2026-11-23T09:00:00.002Z', '2026-11-23T09:01:00.000Z');
INSERT INTO resource VALUES ('Service', 'dns', 'u-3', 1, 1, '{}', '{"kind":"dns","parameters":{"nameservers":["127.0.0.1:5300"],"timeout":"2s","tries":3}}', '{"at":{},"files":[]}', '2026-11-23T09:00:00.003Z', '2026-11-23T09:00:00.003Z');
INSERT INTO resource VALUES ('AccessPolicy', 'access', 'u-4', 3, 6, '{}', '{"rules":[{"effect":"allow","id":"web","match":{"domainLabels":{"tier":"web"}},"message":"web may"}]}', '{"at":{"":[0,1,1],"/spec/rules/0":[0,9,5]},"files":["old.yaml"]}', '2026-11-23T09:00:00.004Z', '2026-11-23T09:02:00.000Z');
INSERT INTO resource VALUES ('Binding', 'web1-dns', 'u-5', 1, 1, '{}', '{"device":"dns","domain":"web1","service":"dns"}', '{"at":{},"files":[]}', '2026-11-23T09:00:00.005Z', '2026-11-23T09:00:00.005Z');
INSERT INTO resource VALUES ('Binding', 'web2-dns', 'u-6', 1, 7, '{}', '{"buffers":{"batchMessages":4,"batchMicroseconds":9,"requestBytes":4096,"responseBytes":8192,"wait":"timer"},"device":"names","domain":"web2","service":"dns","sla":{"burst":8,"priority":"bulk","rate":7}}', '{"at":{},"files":[]}', '2026-11-23T09:03:00.000Z', '2026-11-23T09:03:00.000Z');
INSERT INTO decision (name, allowed, policy, rule, message, source) VALUES ('web1-dns', 1, 'access', 'web', 'web may', '{"column":5,"file":"old.yaml","line":9}');
INSERT INTO decision (name, allowed, policy, rule, message, source) VALUES ('web2-dns', 0, '', '', 'no rule allows it', NULL);
INSERT INTO observed VALUES ('Domain', 'web1', 1, 'Ready', 'Declared', '', '2026-11-23T09:00:01.000Z', '/run/vservices/domains/web1', 0);
INSERT INTO observed VALUES ('Binding', 'web2-dns', 1, 'Denied', 'PolicyDenied', 'no rule allows it', '2026-11-23T09:03:01.000Z', '', 3);
