-- The events that operators made, copied in the order of the ledger, so that every process finds them without reading the requests between them.
create table if not exists $table (
  position bigint not null primary key,
  id       text   not null,
  stream   text   not null,
  type     text   not null,
  at       bigint not null,
  data     text   not null
)
