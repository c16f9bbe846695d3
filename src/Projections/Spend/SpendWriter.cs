using System.Data.Common;
using Npgsql;

namespace CCGate.Projections.Spend;

/// <summary>Adds rows to the spend table: to PostgreSQL in one statement for many, to SQLite, where a statement is a call, with one that is prepared once.</summary>
internal static class SpendWriter
{
    // What one statement carries; some megabytes.
    private const int LargestChunk = 10_000;

    private static readonly string[] Names =
    [
        "requests", "errors", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens", "reasoning_tokens", "web_searches", "spend_pico",
        "duration_ms", "unsettled_pico", "unsettled_tokens",
    ];

    public static readonly string Columns = "bucket_start, tenant_id, key_id, model, upstream_id, " + string.Join(", ", Names);

    public static async Task WriteAsync(string table, IEnumerable<SpendAmounts> rows, DbTransaction transaction, CancellationToken cancellationToken)
    {
        // In the order of the primary key, so that neighbours are written together.
        var sorted = rows.OrderBy(row => row.BucketStart).ThenBy(row => row.TenantId, StringComparer.Ordinal).ThenBy(row => row.KeyId, StringComparer.Ordinal);
        await using var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        var update = string.Join(", ", Names.Select(name => $"{name} = {table}.{name} + excluded.{name}"));
        if (command is NpgsqlCommand postgres)
        {
            command.CommandText = $"""
                insert into {table} ({Columns}) select * from unnest({string.Join(", ", Enumerable.Range(1, Names.Length + 5).Select(number => $"${number}"))})
                on conflict (bucket_start, tenant_id, key_id, model, upstream_id) do update set {update}
                """;
            foreach (var chunk in sorted.Chunk(LargestChunk))
            {
                await WriteAsync(postgres, chunk, cancellationToken);
            }

            return;
        }

        command.CommandText = $"""
            insert into {table} ({Columns}) values ({string.Join(", ", Enumerable.Range(1, Names.Length + 5).Select(number => $"@p{number}"))})
            on conflict (bucket_start, tenant_id, key_id, model, upstream_id) do update set {update}
            """;
        await WriteAsync(command, sorted, cancellationToken);
    }

    /// <summary>Reads a row of <see cref="Columns"/>.</summary>
    public static SpendAmounts Read(DbDataReader row)
    {
        var amounts = new SpendAmounts(new SpendKey(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4)));
        amounts.AddUsage(
            row.GetInt64(7), row.GetInt64(8), row.GetInt64(9), row.GetInt64(10), row.GetInt64(11), row.GetInt64(12), row.GetInt64(13), row.GetInt64(14));
        amounts.AddRequest(row.GetInt64(5), row.GetInt64(6), row.GetInt64(15), row.GetInt64(16), row.GetInt64(17));
        return amounts;
    }

    private static async Task WriteAsync(NpgsqlCommand command, SpendAmounts[] rows, CancellationToken cancellationToken)
    {
        command.Parameters.Clear();
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = Array.ConvertAll(rows, row => row.BucketStart) });
        foreach (var name in (Func<SpendAmounts, string>[])[row => row.TenantId, row => row.KeyId, row => row.Model, row => row.UpstreamId])
        {
            command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(rows, row => name(row)) });
        }

        var numbers = Array.ConvertAll(rows, Numbers);
        for (var column = 0; column < Names.Length; column++)
        {
            command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = Array.ConvertAll(numbers, row => row[column]) });
        }

        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task WriteAsync(DbCommand command, IEnumerable<SpendAmounts> rows, CancellationToken cancellationToken)
    {
        for (var number = 1; number <= Names.Length + 5; number++)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = $"@p{number}";
            command.Parameters.Add(parameter);
        }

        foreach (var row in rows)
        {
            object[] key = [row.BucketStart, row.TenantId, row.KeyId, row.Model, row.UpstreamId];
            var numbers = Numbers(row);
            for (var column = 0; column < key.Length + numbers.Length; column++)
            {
                command.Parameters[column].Value = column < key.Length ? key[column] : numbers[column - key.Length];
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>In the order of the names.</summary>
    private static long[] Numbers(SpendAmounts row) =>
    [
        row.Requests, row.Errors, row.InputTokens, row.CacheReadTokens, row.CacheWrite5mTokens, row.CacheWrite1hTokens, row.OutputTokens, row.ReasoningTokens, row.WebSearches,
        row.SpendPico, row.DurationMs, row.UnsettledPico, row.UnsettledTokens,
    ];
}
