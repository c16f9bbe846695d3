using CCGate.Contracts;
using Microsoft.Data.Sqlite;

namespace CCGate.Projections.Export;

/// <summary>What the adjustments of each attempt add up to, on disk: a re-rating adjusts every request of its period, and those need not fit into memory.</summary>
/// <remarks>A SQLite database without a name: a temporary file that goes away when it is closed, and also when the process is killed.</remarks>
internal sealed class AdjustmentSpool : IDisposable
{
    private static readonly string[] Columns = ["pico", "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "searches"];

    private readonly SqliteConnection connection;
    private readonly SqliteCommand find;

    public AdjustmentSpool()
    {
        SQLitePCL.Batteries_V2.Init();
        connection = new SqliteConnection("Data Source=;Pooling=False");
        connection.Open();
        Execute($"create table adjusted (request blob, attempt integer, ordinal integer not null, {string.Join(", ", Columns.Select(column => column + " integer not null"))}, primary key (request, attempt)) without rowid");
        find = connection.CreateCommand();
        find.CommandText = $"select attempt, ordinal, {string.Join(", ", Columns)} from adjusted where request = @request order by attempt";
        find.Parameters.Add(new SqliteParameter { ParameterName = "@request" });
    }

    public void Add(IEnumerable<SpendAdjusted> adjustments)
    {
        using var transaction = connection.BeginTransaction();
        using var upsert = connection.CreateCommand();
        upsert.CommandText = $"""
            insert into adjusted values (@request, @attempt, @ordinal, {string.Join(", ", Columns.Select(column => "@" + column))})
            on conflict (request, attempt) do update set
              ordinal = max(ordinal, excluded.ordinal), {string.Join(", ", Columns.Select(column => $"{column} = {column} + excluded.{column}"))}
            """;
        foreach (var name in (string[])["request", "attempt", "ordinal", .. Columns])
        {
            upsert.Parameters.Add(new SqliteParameter { ParameterName = "@" + name });
        }

        foreach (var adjusted in adjustments)
        {
            foreach (var line in adjusted.Lines ?? [])
            {
                Add(upsert, adjusted, line);
            }
        }

        transaction.Commit();
    }

    public Adjustments Find(Guid request)
    {
        find.Parameters[0].Value = request.ToByteArray();
        using var reader = find.ExecuteReader();
        var attempts = new List<(int Attempt, AdjustedAmounts Amounts)>();
        var count = 0;
        while (reader.Read())
        {
            attempts.Add((reader.GetInt32(0), Amounts(reader)));
            count = Math.Max(count, reader.GetInt32(1));
        }

        return attempts.Count == 0 ? Adjustments.None : new Adjustments(count, attempts);
    }

    public void Dispose()
    {
        find.Dispose();
        connection.Dispose();
    }

    private static void Add(SqliteCommand upsert, SpendAdjusted adjusted, AdjustmentLine line)
    {
        var usage = line.Usage ?? new TokenUsage();
        upsert.Parameters[0].Value = adjusted.RequestId.ToByteArray();
        long[] values =
        [
            line.Attempt, adjusted.Ordinal, Picodollars.FromUsd(line.SpendUsd), usage.InputTokens, usage.CacheReadTokens, usage.CacheWrite5mTokens,
            usage.CacheWrite1hTokens, usage.OutputTokens, usage.ReasoningTokens, usage.WebSearches,
        ];
        for (var i = 0; i < values.Length; i++)
        {
            upsert.Parameters[i + 1].Value = values[i];
        }

        upsert.ExecuteNonQuery();
    }

    private static AdjustedAmounts Amounts(SqliteDataReader reader) => new(
        new TokenUsage
        {
            InputTokens = reader.GetInt64(3),
            CacheReadTokens = reader.GetInt64(4),
            CacheWrite5mTokens = reader.GetInt64(5),
            CacheWrite1hTokens = reader.GetInt64(6),
            OutputTokens = reader.GetInt64(7),
            ReasoningTokens = reader.GetInt64(8),
            WebSearches = reader.GetInt64(9),
        },
        Picodollars.ToUsd(reader.GetInt64(2)));

    private void Execute(string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
