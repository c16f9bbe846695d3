-- One row per tenant, key, model, upstream and quarter of an hour of admission (microseconds since 1970, UTC). The quarter hour comes first:
-- every question has a period, and new rows then go to the end of the index. Money is whole picodollars (1e-12 USD).
-- Unsettled is what stays held for requests whose usage nobody reported, until an adjustment releases it.
create table if not exists $table (
  bucket_start          bigint not null,
  tenant_id             text   not null,
  key_id                text   not null,
  model                 text   not null,
  upstream_id           text   not null,
  requests              bigint not null,
  errors                bigint not null,
  input_tokens          bigint not null,
  cache_read_tokens     bigint not null,
  cache_write_5m_tokens bigint not null,
  cache_write_1h_tokens bigint not null,
  output_tokens         bigint not null,
  reasoning_tokens      bigint not null,
  web_searches          bigint not null,
  spend_pico            bigint not null,
  duration_ms           bigint not null,
  unsettled_pico        bigint not null default 0,
  unsettled_tokens      bigint not null default 0,
  primary key (bucket_start, tenant_id, key_id, model, upstream_id)
)
