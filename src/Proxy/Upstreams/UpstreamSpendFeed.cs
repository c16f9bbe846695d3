using System.Collections.Immutable;
using System.Globalization;
using CCGate.Hosting.Storage;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Upstreams;

/// <summary>Brings what upstreams served today, from all proxies and from before a restart, out of the read model: for <c>dailyMaxUSD</c>, and only where one is set.</summary>
internal sealed partial class UpstreamSpendFeed(Database database, UpstreamPool upstreams, TimeProvider time, ILogger<UpstreamSpendFeed> logger) : BackgroundService
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(30);

    /// <summary>A store that cannot be reached must not keep the gateway from serving.</summary>
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(5);

    private (long Checkpoint, DateOnly Day, ImmutableArray<Upstream> Upstreams) seen;
    private bool failing;

    /// <summary>The first read comes before the first request: what was used up before a restart stays so.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await TryRefreshAsync(LongestStart, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await TryRefreshAsync(LongestRead, stoppingToken);
        }
    }

    private async Task TryRefreshAsync(TimeSpan longest, CancellationToken stoppingToken)
    {
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            patience.CancelAfter(longest);
            await RefreshAsync(patience.Token);
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
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var current = upstreams.Current;
        if (!current.Any(upstream => upstream.Config.DailyMaxUsd is not null))
        {
            return;
        }

        var day = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        await using var connection = await database.OpenAsync(cancellationToken);
        var checkpoint = await connection.QuerySingleAsync<long>(Query("select position from projection_checkpoint where name = 'spend'", null));
        if (seen == (checkpoint, day, current))
        {
            return;
        }

        const string Sql = "select upstream_id, sum(spend_pico) from spend where bucket_start >= @from and bucket_start < @to group by upstream_id";
        var spend = new Dictionary<string, long>(StringComparer.Ordinal);
        await using var rows = await connection.ExecuteReaderAsync(Query(Sql, new { from = StartOf(day), to = StartOf(day.AddDays(1)) }));
        while (await rows.ReadAsync(cancellationToken))
        {
            // PostgreSQL sums bigint to numeric, SQLite to a 64-bit integer.
            spend[rows.GetString(0)] = (long)Math.Min(Convert.ToDecimal(rows.GetValue(1), CultureInfo.InvariantCulture), long.MaxValue);
        }

        foreach (var upstream in current)
        {
            upstream.State.Spend.Learn(day, spend.GetValueOrDefault(upstream.Config.Id));
        }

        seen = (checkpoint, day, current);

        CommandDefinition Query(string sql, object? parameters) => new(sql, parameters, cancellationToken: cancellationToken);
    }

    private static long StartOf(DateOnly day) => Instant.ToMicroseconds(new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero));

    [LoggerMessage(Level = LogLevel.Error, Message = "What upstreams served today cannot be read; their dailyMaxUSD is held against what this proxy knows")]
    private partial void LogFailed(Exception error);
}
