using System.Data.Common;
using System.Globalization;
using CCGate.Hosting.Health;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Journal;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Limits;

/// <summary>Brings the spend that the read model counts, of all proxies, into this proxy's ledger, and tells the journal what it may forget.</summary>
/// <remarks>Totals, checkpoint and the positions of our own requests are read in one snapshot, so no request is ever counted twice or not at all.</remarks>
internal sealed partial class SpendFeed(Database database, QuotaLedger quotas, UsageJournal journal, TimeProvider time, ILogger<SpendFeed> logger) : BackgroundService
{
    // SQLite looks every parameter up by its name among all of them, so twice as many cost four times as much.
    private const int IdsPerQuery = 64;
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(30);

    // Long windows are mostly history. What is older than this is added up once and then again only after history was added to.
    private static readonly TimeSpan Recent = Instant.SettledAfter + TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestRecent = Recent + TimeSpan.FromHours(6);

    private readonly Dictionary<WindowSpan, History> histories = [];
    private long seenCheckpoint = -1;
    private IReadOnlyList<WindowSpan> seenWindows = [];

    /// <summary>When the spend was last read; null when it never was.</summary>
    public DateTimeOffset? ReadAt { get; private set; }

    /// <summary>Whether what is spent elsewhere is known here, for the health document.</summary>
    public Task<HealthFinding> CheckAsync(CancellationToken cancellationToken) => Task.FromResult(
        ReadAt is { } readAt && time.GetUtcNow() - readAt < LongestRead
            ? HealthFinding.Healthy
            : new HealthFinding(HealthStatus.Degraded, $"The spend was last read {(ReadAt is { } last ? $"at {last:O}" : "never")}: tenants with a budget may be refused."));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failing = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                patience.CancelAfter(LongestRead);
                quotas.EndLeases(); // Also while the database is away, which is when they run out.
                await RefreshAsync(patience.Token);
                await quotas.KeepLeasesAsync(patience.Token);
                failing = false;
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                if (!failing)
                {
                    LogFailed(error);
                }

                failing = true;
            }

            await quotas.SpendWanted.WaitAsync(Period, stoppingToken);
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var windows = quotas.WindowsToCount();
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);

        // The first read fixes the snapshot: everything it counts was complete here before, so it is in the list of ours taken after it.
        var (checkpoint, history) = await connection.QuerySingleAsync<(long, long)>(Query("select position, history from projection_checkpoint where name = 'spend'", null, snapshot, cancellationToken));
        var uncounted = journal.Index.Uncounted();
        if (checkpoint != seenCheckpoint || !windows.SequenceEqual(seenWindows) || uncounted.Count > 0)
        {
            var counted = new Dictionary<WindowSpan, IReadOnlyDictionary<(string, string), Amounts>>();
            foreach (var window in windows)
            {
                counted.Add(window, await CountAsync(window, history, connection, snapshot, cancellationToken));
            }

            foreach (var gone in histories.Keys.Except(windows).ToList())
            {
                histories.Remove(gone);
            }

            var ids = await CountedAsync(uncounted, checkpoint, connection, snapshot, cancellationToken);
            quotas.Apply(counted, ids);
            journal.Index.Counted(ids);
            (seenCheckpoint, seenWindows) = (checkpoint, windows);
        }

        ReadAt = time.GetUtcNow();
    }

    /// <summary>What each key used in a window: one query for each window there is, that is for each time zone in use, not for each tenant.</summary>
    private async Task<IReadOnlyDictionary<(string Tenant, string Key), Amounts>> CountAsync(
        WindowSpan window, long version, DbConnection connection, DbTransaction snapshot, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now - window.Start < LongestRecent)
        {
            return await SumAsync(window, connection, snapshot, cancellationToken);
        }

        if (!histories.TryGetValue(window, out var old) || old.Version != version || now - old.Until > LongestRecent)
        {
            var until = WindowClock.Floor(now - Recent, WindowClock.QuarterHour);
            old = new History(version, until, await SumAsync(window with { End = until }, connection, snapshot, cancellationToken));
            histories[window] = old;
        }

        var sums = await SumAsync(window with { Start = old.Until }, connection, snapshot, cancellationToken);
        foreach (var (name, amounts) in old.Sums)
        {
            sums[name] = sums.GetValueOrDefault(name) + amounts;
        }

        return sums;
    }

    private static async Task<Dictionary<(string Tenant, string Key), Amounts>> SumAsync(
        WindowSpan window, DbConnection connection, DbTransaction snapshot, CancellationToken cancellationToken)
    {
        const string Sql = $"""
            select tenant_id, key_id, {SpendSql.Pico}, sum(requests), {SpendSql.Tokens}
            from spend where bucket_start >= @from and bucket_start < @to group by tenant_id, key_id
            """;
        var sums = new Dictionary<(string, string), Amounts>();
        await using var rows = await connection.ExecuteReaderAsync(
            Query(Sql, new { from = Instant.ToMicroseconds(window.Start), to = Instant.ToMicroseconds(window.End) }, snapshot, cancellationToken));
        while (await rows.ReadAsync(cancellationToken))
        {
            sums.Add((rows.GetString(0), rows.GetString(1)), new Amounts(Whole(rows, 2), Whole(rows, 4), Whole(rows, 3)));
        }

        return sums;
    }

    /// <summary>PostgreSQL sums bigint to numeric, SQLite to a 64-bit integer.</summary>
    private static long Whole(DbDataReader rows, int column) => (long)Math.Min(Convert.ToDecimal(rows.GetValue(column), CultureInfo.InvariantCulture), long.MaxValue);

    /// <summary>Which of these the read model counts: those stored at or below its checkpoint.</summary>
    private static async Task<List<Guid>> CountedAsync(
        IReadOnlyList<Guid> ids, long checkpoint, DbConnection connection, DbTransaction snapshot, CancellationToken cancellationToken)
    {
        var counted = new List<Guid>(ids.Count);
        foreach (var some in ids.Chunk(IdsPerQuery))
        {
            await using var command = connection.CreateCommand();
            command.Transaction = snapshot;
            var names = new List<string>(some.Length);
            foreach (var id in some)
            {
                var parameter = command.CreateParameter();
                parameter.ParameterName = $"@id{names.Count}";
                parameter.Value = id;
                command.Parameters.Add(parameter);
                names.Add(parameter.ParameterName);
            }

            var position = command.CreateParameter();
            position.ParameterName = "@checkpoint";
            position.Value = checkpoint;
            command.Parameters.Add(position);
            command.CommandText = $"select id from mt_events where seq_id <= @checkpoint and id in ({string.Join(',', names)})";
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
            {
                counted.Add(rows.GetGuid(0));
            }
        }

        return counted;
    }

    private static CommandDefinition Query(string sql, object? parameters, DbTransaction snapshot, CancellationToken cancellationToken) =>
        new(sql, parameters, snapshot, cancellationToken: cancellationToken);

    [LoggerMessage(Level = LogLevel.Error, Message = "The spend cannot be read; budgets are held against what was last known")]
    private partial void LogFailed(Exception error);

    /// <param name="Version">The version of history it is true for.</param>
    /// <param name="Until">Where it ends.</param>
    /// <param name="Sums">From the window's start up to there.</param>
    private sealed record History(long Version, DateTimeOffset Until, Dictionary<(string Tenant, string Key), Amounts> Sums);
}
