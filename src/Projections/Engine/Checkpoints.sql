-- How far each projection has come. Written in the transaction that writes the rows, so the two cannot disagree. History is raised whenever rows change
-- that were settled, older than a day: who has added those up must do it again.
create table if not exists projection_checkpoint (
  name       text   not null primary key,
  position   bigint not null,
  updated_at bigint not null,
  failure    text,
  history    bigint not null default 0
);

-- What each proxy last told of itself: no history and no read model, merely the one place that all processes can reach.
create table if not exists proxy_report (
  instance text   not null primary key,
  at       bigint not null,
  data     text   not null
);
