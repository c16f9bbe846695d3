-- Own-words DDL, table-for-table equal to what Marten 8.37.4 creates for:
--   StreamIdentity.AsString, TenancyStyle.Single, EventAppendMode.Quick, EnableUniqueIndexOnEventId = true,
--   EnableBigIntEvents = true, schema "metering".
-- Function bodies are NOT Marten's text (own implementation, same signature/contract).
create schema if not exists metering;

create table if not exists metering.mt_streams (
  id               varchar     not null constraint pkey_mt_streams_id primary key,
  type             varchar,
  version          bigint,
  "timestamp"      timestamptz not null default now(),
  snapshot         jsonb,
  snapshot_version integer,
  created          timestamptz not null default now(),
  tenant_id        varchar     default '*DEFAULT*',
  is_archived      boolean     default false
);

create table if not exists metering.mt_events (
  seq_id         bigint       not null constraint pkey_mt_events_seq_id primary key,
  id             uuid         not null,
  stream_id      varchar,
  version        bigint       not null,
  data           jsonb        not null,
  type           varchar(500) not null,
  "timestamp"    timestamptz  not null default now(),   -- Marten's own default is a frozen literal; diff ignores defaults
  tenant_id      varchar      default '*DEFAULT*',
  mt_dotnet_type varchar,
  is_archived    boolean      default false,
  constraint fkey_mt_events_stream_id foreign key (stream_id) references metering.mt_streams (id) on delete cascade
);
create unique index if not exists pk_mt_events_stream_and_version on metering.mt_events using btree (stream_id, version);
create unique index if not exists idx_mt_events_event_id          on metering.mt_events using btree (id);

create sequence if not exists metering.mt_events_sequence owned by metering.mt_events.seq_id;   -- bigint, cache 1

create table if not exists metering.mt_event_progression (
  name         varchar not null constraint pk_mt_event_progression primary key,
  last_seq_id  bigint,
  last_updated timestamptz default transaction_timestamp()
);

create table if not exists metering.mt_doc_deadletterevent (
  id               uuid  not null constraint pkey_mt_doc_deadletterevent_id primary key,
  data             jsonb not null,
  mt_last_modified timestamptz default transaction_timestamp(),
  mt_version       uuid  not null default gen_random_uuid(),
  mt_dotnet_type   varchar
);

create or replace function metering.mt_mark_event_progression(name varchar, last_encountered bigint) returns void
language sql as $f$
  insert into metering.mt_event_progression as p (name, last_seq_id, last_updated) values ($1, $2, transaction_timestamp())
  on conflict on constraint pk_mt_event_progression do update set last_seq_id = excluded.last_seq_id, last_updated = excluded.last_updated;
$f$;

create or replace function metering.mt_archive_stream(streamid varchar) returns void
language sql as $f$
  update metering.mt_streams set is_archived = true where id = $1;
  update metering.mt_events  set is_archived = true where stream_id = $1;
$f$;

-- Same contract as Marten's: result[1] = new stream version, result[2..] = seq_ids in event order.
-- Differences (on purpose): upsert+row lock serialises writers of one stream instead of failing on the unique index,
-- one set-based insert instead of a loop, and seq_ids are drawn only after the stream row is locked.
create or replace function metering.mt_quick_append_events(stream varchar, stream_type varchar, tenantid varchar,
    event_ids uuid[], event_types varchar[], dotnet_types varchar[], bodies jsonb[]) returns bigint[]
language plpgsql as $f$
declare n int := coalesce(array_length(event_ids, 1), 0); last bigint; seqs bigint[];
begin
  insert into metering.mt_streams as s (id, type, version, tenant_id) values (stream, stream_type, n, tenantid)
    on conflict on constraint pkey_mt_streams_id do update set version = s.version + n, "timestamp" = now()
    returning version into last;
  with numbered as (
    select nextval('metering.mt_events_sequence') as seq, o, i, t, d, b
    from unnest(event_ids, event_types, dotnet_types, bodies) with ordinality as u(i, t, d, b, o)
  ), ins as (
    insert into metering.mt_events (seq_id, id, stream_id, version, data, type, tenant_id, "timestamp", mt_dotnet_type, is_archived)
    select seq, i, stream, last - n + o, b, t, tenantid, now(), d, false from numbered order by o
    returning seq_id
  )
  select array_agg(seq_id order by seq_id) into seqs from ins;
  return array_prepend(last, seqs);
end $f$;
