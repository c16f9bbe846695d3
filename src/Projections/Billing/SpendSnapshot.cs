using System.Data.Common;
using CCGate.Hosting.Storage;
using CCGate.Projections.Engine;
using Dapper;

namespace CCGate.Projections.Billing;

/// <summary>The rows of the spend table and the position they stand at, as of one moment.</summary>
internal sealed record SpendSnapshot(long Position, IReadOnlyDictionary<RecountKey, RecountNumbers> Rows)
{
    public static async Task<SpendSnapshot> ReadAsync(Database database, BillingPeriod period, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await database.BeginSnapshotAsync(connection, cancellationToken);
        var checkpoint = await Checkpoints.ReadAsync(connection, "spend", transaction, cancellationToken);
        await using var reader = await connection.ExecuteReaderAsync(new CommandDefinition(
            """
            select bucket_start, tenant_id, key_id, model, upstream_id, requests, errors, input_tokens, cache_read_tokens, cache_write_5m_tokens,
              cache_write_1h_tokens, output_tokens, reasoning_tokens, web_searches, spend_pico, duration_ms,
              unsettled_pico, unsettled_tokens
            from spend where bucket_start >= @from and bucket_start < @to
            """,
            new { from = Microseconds(period.From, long.MinValue), to = Microseconds(period.To, long.MaxValue) },
            transaction,
            cancellationToken: cancellationToken));

        var rows = new Dictionary<RecountKey, RecountNumbers>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(Key(reader), Numbers(reader));
        }

        return new SpendSnapshot(checkpoint?.Position ?? 0, rows);
    }

    private static RecountKey Key(DbDataReader reader) => new(
        DateTimeOffset.UnixEpoch.AddMicroseconds(reader.GetInt64(0)), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4));

    private static RecountNumbers Numbers(DbDataReader reader) => new(
        reader.GetInt64(5),
        reader.GetInt64(6),
        reader.GetInt64(7),
        reader.GetInt64(8),
        reader.GetInt64(9),
        reader.GetInt64(10),
        reader.GetInt64(11),
        reader.GetInt64(12),
        reader.GetInt64(13),
        reader.GetInt64(14) / 1_000_000_000_000m,
        reader.GetInt64(15),
        reader.GetInt64(16) / 1_000_000_000_000m,
        reader.GetInt64(17));

    private static long Microseconds(DateTimeOffset? instant, long unbounded) =>
        instant is { } given ? (given - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond : unbounded;
}
