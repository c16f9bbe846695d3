using System.Globalization;
using System.Runtime.CompilerServices;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using CCGate.Tests.Infrastructure;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration.Projections;

/// <summary>Where the ledger and the read models of a test are kept.</summary>
public enum Storage
{
    Sqlite,
    Postgres,
}

/// <summary>A ledger and a spend table of one's own, on either database.</summary>
public abstract class ProjectionTest(Storage storage) : IAsyncLifetime
{
    private readonly string directory = ServerProcess.NewDirectory("projections");
    private readonly List<IAsyncDisposable> opened = [];
    private string connectionString = "";

    private protected static SpendProjection Spend { get; } = new();

    private protected Database Database { get; private set; } = null!;

    private protected IEventStore Store { get; private set; } = null!;

    private protected ProjectionRound Round => new(Database, Store, TimeProvider.System);

    private protected ProjectionRebuild Rebuild => new(Database, Store, Round, TimeProvider.System) { RangeSize = 1000 };

    private protected string File => Path.Combine(directory, "store.db");

    public async Task InitializeAsync()
    {
        connectionString = storage == Storage.Postgres ? await (await PostgresServer.SharedAsync()).CreateDatabaseAsync() : "";
        (Database, Store) = Open();
        await Store.MigrateAsync(CancellationToken.None);
        await Checkpoints.MigrateAsync(Database, [Spend], TimeProvider.System, CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        foreach (var one in opened)
        {
            await one.DisposeAsync();
        }

        SqliteConnection.ClearAllPools();
        ServerProcess.TryDelete(directory);
    }

    /// <summary>The same storage as another process would open it.</summary>
    private protected (Database Database, IEventStore Store) Open()
    {
        Database database = storage == Storage.Postgres ? new PostgresDatabase(connectionString) : new SqliteDatabase(File);
        opened.Add(database);
        return (database, database is PostgresDatabase postgres
            ? new PostgresEventStore(postgres, NullLogger<PostgresEventStore>.Instance)
            : new SqliteEventStore((SqliteDatabase)database, TimeProvider.System));
    }

    /// <summary>Goes on in the thread pool: SQLite never waits, so a loop over it would keep the caller, or one of xunit's few threads, for itself.</summary>
    private protected static ConfiguredTaskAwaitable Elsewhere() => Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

    private protected Task AppendAsync(params IEnumerable<RequestCompleted> requests) =>
        Store.AppendAsync([.. requests.Select(EventRecord.From)], CancellationToken.None);

    private protected async Task CatchUpAsync() => await Round.CatchUpAsync(Spend, CancellationToken.None);

    private protected async Task<int> ExecuteAsync(string sql)
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        return await connection.ExecuteAsync(sql);
    }

    private protected async Task<Checkpoint> CheckpointAsync()
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        return (await Checkpoints.ReadAsync(connection, "spend", transaction: null, CancellationToken.None))!;
    }

    /// <summary>The whole table, a line per row.</summary>
    private protected async Task<IReadOnlyList<string>> RowsAsync()
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        await using var reader = await connection.ExecuteReaderAsync("select * from spend");
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))));
        }

        return [.. rows.Order(StringComparer.Ordinal)];
    }

    /// <summary>What the table should be: every contribution of every request on its own, then summed, with no code of the product.</summary>
    private protected static IReadOnlyList<string> Oracle(IEnumerable<RequestCompleted> requests)
    {
        const long QuarterHour = 900_000_000;
        var lines =
            from request in requests
            let attempts = request.Attempts.Count > 0
                ? request.Attempts
                : [new Attempt { ProviderModel = request.RequestedModel }]
            from attempt in attempts
            let last = ReferenceEquals(attempt, attempts[^1])
            let micros = (request.AdmittedAt.UtcTicks - DateTime.UnixEpoch.Ticks) / 10
            let usage = attempt.Usage
            group (request, attempt, last) by $"{micros / QuarterHour * QuarterHour}|{request.TenantId}|{request.KeyId}|{attempt.ProviderModel}|{attempt.UpstreamId}"
            into row
            let ended = row.Where(part => part.last).Select(part => part.request).ToList()
            let used = row.Select(part => part.attempt.Usage).ToList()
            select string.Join('|',
                row.Key,
                ended.Count,
                ended.Count(request => request.Outcome != RequestOutcome.Succeeded),
                used.Sum(usage => usage.InputTokens),
                used.Sum(usage => usage.CacheReadTokens),
                used.Sum(usage => usage.CacheWrite5mTokens),
                used.Sum(usage => usage.CacheWrite1hTokens),
                used.Sum(usage => usage.OutputTokens),
                used.Sum(usage => usage.ReasoningTokens),
                used.Sum(usage => usage.WebSearches),
                (row.Sum(part => part.attempt.SpendUsd) * 1_000_000_000_000m).ToString("0", CultureInfo.InvariantCulture),
                ended.Sum(request => (long)Math.Floor((request.CompletedAt - request.AdmittedAt).TotalMilliseconds)),
                (ended.Sum(request => request.UnsettledUsd ?? 0m) * 1_000_000_000_000m).ToString("0", CultureInfo.InvariantCulture),
                ended.Sum(request => request.UnsettledTokens ?? 0));
        return [.. lines.Order(StringComparer.Ordinal)];
    }
}
