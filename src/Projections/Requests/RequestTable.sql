-- One row per request, as charged today. Whatever is asked, time is in it: the key is in the order of admission, so that new rows go to the end of it, and
-- it carries what lists are sorted by, so that the dearest of a period are found without reading the rows. Indexes are constraints, because those have no
-- names of their own that a rebuild, which renames the table, would leave behind. Money is whole picodollars, times are microseconds since 1970 in UTC.
create table if not exists $table (
  id                 text   not null,
  tenant_id          text   not null,
  key_id             text   not null,
  session_id         text,
  surface            text   not null,
  requested_model    text   not null,
  model              text,
  upstream_id        text,
  outcome            text   not null,
  usage_state        text   not null,
  admitted_at        bigint not null,
  completed_at       bigint not null,
  streaming          bigint not null,
  status             bigint,
  attempts           bigint not null,
  duration_ms        bigint not null,
  first_byte_ms      bigint,
  input_tokens       bigint not null,
  cache_read_tokens  bigint not null,
  cache_write_tokens bigint not null,
  output_tokens      bigint not null,
  reasoning_tokens   bigint not null,
  web_searches       bigint not null,
  spend_pico         bigint not null,
  held_pico          bigint not null,
  primary key (admitted_at, id, spend_pico, duration_ms),
  unique (tenant_id, admitted_at, id),
  unique (session_id, admitted_at, id)
)
