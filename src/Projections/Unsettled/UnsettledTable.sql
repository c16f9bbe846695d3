-- Requests of which an attempt's usage is unknown, open until an adjustment settles them. What is held is what still is.
create table if not exists $table (
  request_id   text   not null primary key,
  tenant_id    text   not null,
  key_id       text   not null,
  admitted_at  bigint not null,
  upstream_id  text   not null,
  model        text   not null,
  why          text   not null,
  held_pico    bigint not null,
  held_tokens  bigint not null,
  settled_at   bigint
)
