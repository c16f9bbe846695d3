;
-- The days (their start in UTC, microseconds since 1970) whose sums stand in spend_day and spend_all. Whoever adds to a quarter hour of a day takes its row away,
-- in the same transaction. One that is being added up is there with sealed = 0; the token says by whom.
create table if not exists spend_seal (
  day    bigint not null primary key,
  token  text   not null,
  sealed bigint not null
)
