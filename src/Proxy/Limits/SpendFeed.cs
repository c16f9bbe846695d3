using System.Data.Common;
using CCGate.Hosting.Health;
using CCGate.Hosting.Storage;
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

    private long seenCheckpoint = -1;
    private IReadOnlyList<(string Tenant, DailyWindow Window)> seenWindows = [];

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
        var windows = quotas.Windows();
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);

        // The first read fixes the snapshot: everything it counts was complete here before, so it is in the list of ours taken after it.
        var checkpoint = await connection.QuerySingleAsync<long>(Query("select position from projection_checkpoint where name = 'spend'", null, snapshot, cancellationToken));
        var uncounted = journal.Index.Uncounted();
        if (checkpoint != seenCheckpoint || !windows.SequenceEqual(seenWindows) || uncounted.Count > 0)
        {
            var counted = await TotalsAsync(windows, connection, snapshot, cancellationToken);
            var ids = await CountedAsync(uncounted, checkpoint, connection, snapshot, cancellationToken);
            quotas.Apply(counted, ids);
            journal.Index.Counted(ids);
            (seenCheckpoint, seenWindows) = (checkpoint, windows);
        }

        ReadAt = time.GetUtcNow();
    }

    /// <summary>One query for each day there is, that is for each time zone in use, not for each tenant.</summary>
    private static async Task<List<(string Tenant, DailyWindow Window, long Pico)>> TotalsAsync(
        IReadOnlyList<(string Tenant, DailyWindow Window)> windows, DbConnection connection, DbTransaction snapshot, CancellationToken cancellationToken)
    {
        const string Sql = """
            select tenant_id, cast(sum(spend_pico) as bigint) from spend where bucket_start >= @from and bucket_start < @to group by tenant_id
            """;
        var totals = new List<(string, DailyWindow, long)>(windows.Count);
        foreach (var day in windows.GroupBy(window => window.Window, window => window.Tenant))
        {
            var parameters = new { from = Instant.ToMicroseconds(day.Key.Start), to = Instant.ToMicroseconds(day.Key.End) };
            var spent = (await connection.QueryAsync<(string Tenant, long Pico)>(Query(Sql, parameters, snapshot, cancellationToken))).ToDictionary(row => row.Tenant, row => row.Pico);
            totals.AddRange(day.Select(tenant => (tenant, day.Key, spent.GetValueOrDefault(tenant))));
        }

        return totals;
    }

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
}
