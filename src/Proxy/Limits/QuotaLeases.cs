using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Proxy.Pipeline;
using Npgsql;
using NpgsqlTypes;

namespace CCGate.Proxy.Limits;

/// <summary>The right to spend what is left of a budget, leased to proxies in slices, so that adding a proxy never raises a cap.</summary>
/// <remarks>
/// In the database, always: counted spend + all leases ≤ limit. Spend that moves from a proxy into the read model is in both for a moment, never in
/// neither, because the proxy lowers its lease only after it saw the spend counted. A proxy that dies gives its slice back when the lease expires.
/// </remarks>
internal sealed class QuotaLeases(PostgresDatabase database, ProxyIdentity identity)
{
    /// <summary>How long a proxy may be silent before its slices are given to others.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);

    private const long MigrationLock = 0x6363_6761_7465_716c;

    private volatile bool migrated;

    /// <summary>Raises this proxy's lease on a day to the wanted amount, or as near to it as everything else leaves; gives what it has now.</summary>
    public async Task<long> RaiseAsync(string tenant, DailyWindow window, long wantedPico, long limitPico, CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken);

        // One round trip and one transaction. The second statement's snapshot is taken after the lock, so it sees what the proxy before us leased.
        await using var batch = database.Source.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand("select pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))")
        {
            Parameters = { Text(tenant), Text(Start(window).ToString(System.Globalization.CultureInfo.InvariantCulture)) },
        });
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            insert into quota_leases as own (tenant_id, window_start, proxy, leased_pico, expires_at)
            select $1, $2, $3, greatest(0, least($4, $5
                - (select coalesce(sum(spend_pico), 0) from spend where tenant_id = $1 and bucket_start >= $2 and bucket_start < $6)
                - (select coalesce(sum(leased_pico), 0) from quota_leases where tenant_id = $1 and window_start = $2 and proxy <> $3 and expires_at > clock_timestamp())))::bigint,
              clock_timestamp() + $7
            on conflict (tenant_id, window_start, proxy) do update set
              leased_pico = greatest(excluded.leased_pico, case when own.expires_at > clock_timestamp() then own.leased_pico else 0 end),
              expires_at = excluded.expires_at
            returning leased_pico
            """)
        {
            Parameters = { Text(tenant), Number(Start(window)), Text(identity.Instance), Number(wantedPico), Number(limitPico), Number(Instant.ToMicroseconds(window.End)), Lifetimes() },
        });
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        await rows.NextResultAsync(cancellationToken);
        await rows.ReadAsync(cancellationToken);
        return rows.GetInt64(0);
    }

    /// <summary>Says what this proxy still needs of its lease, and that it lives. Absolute, so that a repetition after a lost answer does no harm.</summary>
    /// <returns>False when there was nothing to keep: it had expired, and others may have what it was for.</returns>
    public async Task<bool> KeepAsync(string tenant, DailyWindow window, long leasedPico, CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken);
        await using var command = database.Source.CreateCommand(leasedPico == 0
            ? "delete from quota_leases where tenant_id = $1 and window_start = $2 and proxy = $3"
            : "update quota_leases set leased_pico = $4, expires_at = clock_timestamp() + $5 where tenant_id = $1 and window_start = $2 and proxy = $3 and expires_at > clock_timestamp()");
        command.Parameters.AddRange(new NpgsqlParameter[] { Text(tenant), Number(Start(window)), Text(identity.Instance) });
        if (leasedPico != 0)
        {
            command.Parameters.AddRange(new NpgsqlParameter[] { Number(leasedPico), Lifetimes() });
        }

        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
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
            create table if not exists ccgate.quota_leases (
              tenant_id    text        not null,
              window_start bigint      not null,
              proxy        text        not null,
              leased_pico  bigint      not null check (leased_pico >= 0),
              expires_at   timestamptz not null,
              primary key (tenant_id, window_start, proxy));
            delete from ccgate.quota_leases where expires_at < clock_timestamp() - interval '7 days';
            """, connection, transaction);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        migrated = true;
    }

    private static long Start(DailyWindow window) => Instant.ToMicroseconds(window.Start);

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value };

    private static NpgsqlParameter<long> Number(long value) => new() { TypedValue = value };

    private static NpgsqlParameter Lifetimes() => new() { Value = Lifetime, NpgsqlDbType = NpgsqlDbType.Interval };
}
