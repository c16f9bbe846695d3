-- How far each projection has come. Written in the transaction that writes the rows, so the two cannot disagree.
create table if not exists projection_checkpoint (
  name       text   not null primary key,
  position   bigint not null,
  updated_at bigint not null,
  failure    text
);
