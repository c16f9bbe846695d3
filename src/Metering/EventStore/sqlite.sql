-- Marten's tables by name, in SQLite's one schema: ids as text, times as whole microseconds since 1970 in UTC, JSON as text.
create table if not exists mt_streams (
  id          text    not null primary key,
  type        text,
  version     integer not null,
  "timestamp" integer not null,
  created     integer not null,
  tenant_id   text    not null default '*DEFAULT*',
  is_archived integer not null default 0
);

-- autoincrement, because a plain rowid gives the number of a deleted last row out again.
create table if not exists mt_events (
  seq_id         integer primary key autoincrement,
  id             text    not null,
  stream_id      text    not null references mt_streams (id),
  version        integer not null,
  data           text    not null,
  type           text    not null,
  "timestamp"    integer not null,
  tenant_id      text    not null default '*DEFAULT*',
  mt_dotnet_type text,
  is_archived    integer not null default 0
);
create unique index if not exists pk_mt_events_stream_and_version on mt_events (stream_id, version);
create unique index if not exists idx_mt_events_event_id on mt_events (id);

create table if not exists mt_event_progression (
  name         text not null primary key,
  last_seq_id  integer,
  last_updated integer
);

create table if not exists mt_doc_deadletterevent (
  id               text not null primary key,
  data             text not null,
  mt_last_modified integer,
  mt_version       text,
  mt_dotnet_type   text
);
