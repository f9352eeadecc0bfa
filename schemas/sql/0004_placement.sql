-- The database of vsmgrd, schema 4: where bindings are served, and domUs run; null of what is not placed.

ALTER TABLE observed ADD COLUMN placement TEXT NOT NULL DEFAULT 'null' CHECK (json_valid(placement));
