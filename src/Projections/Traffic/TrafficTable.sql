-- What was admitted in each minute (microseconds since 1970, UTC), of all tenants: the curve of the last hour, whatever the traffic.
create table if not exists $table (
  minute        bigint not null primary key,
  requests      bigint not null,
  errors        bigint not null,
  spend_pico    bigint not null,
  input_tokens  bigint not null,
  cache_tokens  bigint not null,
  output_tokens bigint not null
)
