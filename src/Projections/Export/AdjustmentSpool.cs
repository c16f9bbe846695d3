using CCGate.Contracts;
using Microsoft.Data.Sqlite;

namespace CCGate.Projections.Export;

/// <summary>What the adjustments of each request add up to, on disk: a re-rating adjusts every request of its period, and those need not fit into memory.</summary>
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
        Execute($"create table adjusted (request blob primary key, {string.Join(", ", Columns.Select(column => column + " integer not null"))}) without rowid");
        find = connection.CreateCommand();
        find.CommandText = $"select {string.Join(", ", Columns)} from adjusted where request = @request";
        find.Parameters.Add(new SqliteParameter { ParameterName = "@request" });
    }

    public void Add(IEnumerable<(Guid Request, AdjustedAmounts Amounts)> adjustments)
    {
        using var transaction = connection.BeginTransaction();
        using var upsert = connection.CreateCommand();
        upsert.CommandText = $"""
            insert into adjusted values (@request, {string.Join(", ", Columns.Select(column => "@" + column))})
            on conflict (request) do update set {string.Join(", ", Columns.Select(column => $"{column} = {column} + excluded.{column}"))}
            """;
        foreach (var name in Columns.Prepend("request"))
        {
            upsert.Parameters.Add(new SqliteParameter { ParameterName = "@" + name });
        }

        foreach (var (request, (usage, spendUsd)) in adjustments)
        {
            upsert.Parameters[0].Value = request.ToByteArray();
            long[] values =
            [
                Picodollars.FromUsd(spendUsd), usage.InputTokens, usage.CacheReadTokens, usage.CacheWrite5mTokens, usage.CacheWrite1hTokens,
                usage.OutputTokens, usage.ReasoningTokens, usage.WebSearches,
            ];
            for (var i = 0; i < values.Length; i++)
            {
                upsert.Parameters[i + 1].Value = values[i];
            }

            upsert.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    public AdjustedAmounts Find(Guid request)
    {
        find.Parameters[0].Value = request.ToByteArray();
        using var reader = find.ExecuteReader();
        return !reader.Read() ? AdjustedAmounts.None : new AdjustedAmounts(
            new TokenUsage
            {
                InputTokens = reader.GetInt64(1),
                CacheReadTokens = reader.GetInt64(2),
                CacheWrite5mTokens = reader.GetInt64(3),
                CacheWrite1hTokens = reader.GetInt64(4),
                OutputTokens = reader.GetInt64(5),
                ReasoningTokens = reader.GetInt64(6),
                WebSearches = reader.GetInt64(7),
            },
            Picodollars.ToUsd(reader.GetInt64(0)));
    }

    public void Dispose()
    {
        find.Dispose();
        connection.Dispose();
    }

    private void Execute(string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
