using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using Npgsql;
using NpgsqlTypes;

namespace CCGate.Proxy.Limits;

/// <summary>Names a lease of this proxy.</summary>
/// <param name="Subject">Whose limit.</param>
/// <param name="Limit">Which one of its limits.</param>
/// <param name="PeriodStart">The period that is charged.</param>
internal readonly record struct LeaseKey(LimitSubject Subject, string Limit, DateTimeOffset PeriodStart);

/// <summary>The right to use what is left of a limit, leased to proxies in slices, so that adding a proxy never raises a cap.</summary>
/// <remarks>
/// In the database, always: counted spend + all leases of the window ≤ limit. Spend that moves from a proxy into the read model is in both for a moment,
/// never in neither, because the proxy lowers its lease only after it saw the spend counted. A proxy that dies gives its slices back when they expire.
/// </remarks>
internal sealed class QuotaLeases(PostgresDatabase database, ProxyIdentity identity)
{
    /// <summary>How long a proxy may be silent before its slices are given to others.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);

    // What was used of a minute stays used for the rest of it, also when its proxy dies.
    private static readonly TimeSpan MinuteLifetime = TimeSpan.FromSeconds(90);
    private const long MigrationLock = 0x6363_6761_7465_716c;

    // Row by row the largest of each; a null limit limits nothing.
    private const string Raise = $"""
        with counted as (
          select coalesce({SpendSql.Pico}, 0) as pico, coalesce(sum(requests), 0) as requests, coalesce({SpendSql.Tokens}, 0) as tokens
          from spend where $4 and tenant_id = any($5) and ($6::text is null or key_id = $6) and bucket_start >= $7 and bucket_start < $8
        ), others as (
          select coalesce(sum(leased_pico), 0) as pico, coalesce(sum(leased_tokens), 0) as tokens, coalesce(sum(leased_requests), 0) as requests
          from limit_leases where subject = $1 and limit_name = $2 and period_start >= $7 and period_start < $8
            and not (proxy = $9 and period_start = $3) and expires_at > clock_timestamp()
        )
        insert into limit_leases as own (subject, limit_name, period_start, proxy, leased_pico, leased_tokens, leased_requests, expires_at)
        select $1, $2, $3, $9,
          greatest(0, least($10, $13 - c.pico - o.pico))::bigint,
          greatest(0, least($11, $14 - c.tokens - o.tokens))::bigint,
          greatest(0, least($12, $15 - c.requests - o.requests))::bigint,
          clock_timestamp() + $16
        from counted c, others o
        on conflict (subject, limit_name, period_start, proxy) do update set
          leased_pico = greatest(excluded.leased_pico, case when own.expires_at > clock_timestamp() then own.leased_pico else 0 end),
          leased_tokens = greatest(excluded.leased_tokens, case when own.expires_at > clock_timestamp() then own.leased_tokens else 0 end),
          leased_requests = greatest(excluded.leased_requests, case when own.expires_at > clock_timestamp() then own.leased_requests else 0 end),
          expires_at = excluded.expires_at
        returning leased_pico, leased_tokens, leased_requests
        """;

    private volatile bool migrated;

    public static TimeSpan LifetimeOf(LimitKind kind) => kind == LimitKind.Minute ? MinuteLifetime : Lifetime;

    /// <summary>Raises this proxy's lease on a period to the wanted amounts, or as near to them as everything else leaves; gives what it has now.</summary>
    public async Task<Amounts> RaiseAsync(
        LeaseKey key, WindowSpan window, LimitKind kind, string[] tenants, Amounts wanted, Amounts max, CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken);

        // One round trip and one transaction. The second statement's snapshot is taken after the lock, so it sees what the proxy before us leased.
        await using var batch = database.Source.CreateBatch();
        batch.BatchCommands.Add(Lock($"{key.Subject}\n{key.Limit}"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Raise)
        {
            Parameters =
            {
                Text(key.Subject.ToString()), Text(key.Limit), Number(Instant.ToMicroseconds(key.PeriodStart)),
                new NpgsqlParameter<bool> { TypedValue = kind == LimitKind.Budget }, new NpgsqlParameter<string[]> { TypedValue = tenants },
                new NpgsqlParameter { Value = (object?)key.Subject.Key ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                Number(Instant.ToMicroseconds(window.Start)), Number(Instant.ToMicroseconds(window.End)), Text(identity.Instance),
                Number(wanted.Pico), Number(wanted.Tokens), Number(wanted.Requests), Number(max.Pico), Number(max.Tokens), Number(max.Requests),
                Interval(LifetimeOf(kind)),
            },
        });
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        await rows.NextResultAsync(cancellationToken);
        await rows.ReadAsync(cancellationToken);
        return new Amounts(rows.GetInt64(0), rows.GetInt64(1), rows.GetInt64(2));
    }

    /// <summary>Says what this proxy still needs of its leases, and that it lives. Absolute, so that a repetition after a lost answer does no harm.</summary>
    /// <returns>Those that are still there: of the others there was nothing left, or they had expired, and others may have what they were for.</returns>
    public async Task<HashSet<LeaseKey>> KeepAsync(IReadOnlyList<(LeaseKey Key, Amounts Leased, TimeSpan Lifetime)> leases, CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken);
        const string Kept = """
            with kept as (
              select * from unnest($2, $3, $4, $5, $6, $7, $8) as k(subject, limit_name, period_start, pico, tokens, requests, lifetime)
            ), gone as (
              delete from limit_leases l using kept k where l.proxy = $1 and l.subject = k.subject and l.limit_name = k.limit_name and l.period_start = k.period_start
                and k.pico = 0 and k.tokens = 0 and k.requests = 0
            ), forgotten as (
              delete from limit_leases where expires_at < clock_timestamp() - interval '1 hour'
            )
            update limit_leases l set leased_pico = k.pico, leased_tokens = k.tokens, leased_requests = k.requests, expires_at = clock_timestamp() + k.lifetime
            from kept k where l.proxy = $1 and l.subject = k.subject and l.limit_name = k.limit_name and l.period_start = k.period_start
              and not (k.pico = 0 and k.tokens = 0 and k.requests = 0) and l.expires_at > clock_timestamp()
            returning k.subject, k.limit_name, k.period_start
            """;
        await using var command = database.Source.CreateCommand(Kept);
        command.Parameters.AddRange(new NpgsqlParameter[]
        {
            Text(identity.Instance),
            new NpgsqlParameter<string[]> { TypedValue = [.. leases.Select(lease => lease.Key.Subject.ToString())] },
            new NpgsqlParameter<string[]> { TypedValue = [.. leases.Select(lease => lease.Key.Limit)] },
            new NpgsqlParameter<long[]> { TypedValue = [.. leases.Select(lease => Instant.ToMicroseconds(lease.Key.PeriodStart))] },
            new NpgsqlParameter<long[]> { TypedValue = [.. leases.Select(lease => lease.Leased.Pico)] },
            new NpgsqlParameter<long[]> { TypedValue = [.. leases.Select(lease => lease.Leased.Tokens)] },
            new NpgsqlParameter<long[]> { TypedValue = [.. leases.Select(lease => lease.Leased.Requests)] },
            new NpgsqlParameter<TimeSpan[]> { TypedValue = [.. leases.Select(lease => lease.Lifetime)] },
        });
        var names = new HashSet<(string, string, long)>();
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            names.Add((rows.GetString(0), rows.GetString(1), rows.GetInt64(2)));
        }

        return [.. leases.Select(lease => lease.Key).Where(key => names.Contains((key.Subject.ToString(), key.Limit, Instant.ToMicroseconds(key.PeriodStart))))];
    }

    /// <summary>Whether a session may go on, or begin, with so many of a subject in use over all proxies.</summary>
    public async Task<bool> EnterSessionAsync(LimitSubject subject, string session, long max, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken);
        await using var batch = database.Source.CreateBatch();
        batch.BatchCommands.Add(Lock($"{subject}\nsessions"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand("delete from limit_sessions where subject = $1 and expires_at <= clock_timestamp()") { Parameters = { Text(subject.ToString()) } });
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            insert into limit_sessions (subject, session, expires_at)
            select $1, $2, clock_timestamp() + $4
            where exists (select from limit_sessions where subject = $1 and session = $2) or (select count(*) from limit_sessions where subject = $1) < $3
            on conflict (subject, session) do update set expires_at = excluded.expires_at
            """)
        {
            Parameters = { Text(subject.ToString()), Text(session), Number(max), Interval(lifetime) },
        });
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return batch.BatchCommands[2].Rows == 1;
    }

    private async Task MigrateAsync(CancellationToken cancellationToken)
    {
        if (migrated)
        {
            return;
        }

        await using var connection = await database.Source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = new NpgsqlCommand($"""
            select pg_advisory_xact_lock({MigrationLock});
            create schema if not exists ccgate;
            create table if not exists ccgate.limit_leases (
              subject         text        not null,
              limit_name      text        not null,
              period_start    bigint      not null,
              proxy           text        not null,
              leased_pico     bigint      not null check (leased_pico >= 0),
              leased_tokens   bigint      not null check (leased_tokens >= 0),
              leased_requests bigint      not null check (leased_requests >= 0),
              expires_at      timestamptz not null,
              primary key (subject, limit_name, period_start, proxy));
            create table if not exists ccgate.limit_sessions (
              subject    text        not null,
              session    text        not null,
              expires_at timestamptz not null,
              primary key (subject, session));
            drop table if exists ccgate.quota_leases;
            """, connection, transaction);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        migrated = true;
    }

    /// <summary>One proxy at a time, for each limit.</summary>
    private static NpgsqlBatchCommand Lock(string name) => new("select pg_advisory_xact_lock(hashtextextended($1, 0))") { Parameters = { Text(name) } };

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value };

    private static NpgsqlParameter<long> Number(long value) => new() { TypedValue = value };

    private static NpgsqlParameter Interval(TimeSpan value) => new() { Value = value, NpgsqlDbType = NpgsqlDbType.Interval };
}
