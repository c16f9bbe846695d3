using System.Data.Common;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Fleet;
using CCGate.Hosting.Storage;
using CCGate.Projections.Engine;
using CCGate.Projections.Fleet;
using CCGate.Projections.Unsettled;
using Dapper;

namespace CCGate.Projections.Overview;

/// <summary>Reads the overview: a day of minutes, five minutes of requests, and what the proxies report. None of it grows with the traffic.</summary>
internal sealed class OverviewReader(Database database, ConfigSource config, ProjectionStates states, UnsettledReader unsettled, TimeProvider time)
{
    /// <summary>The percentiles of so many of the newest requests are those of all.</summary>
    private const int MostDurations = 5_000;

    private static readonly TimeSpan Lately = TimeSpan.FromMinutes(5);

    public async Task<OverviewReport> ReadAsync(bool withSeries, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var reports = await ProxyReportTable.ReadAsync(database, now, cancellationToken);
        var lag = await states.ReadAsync("spend", cancellationToken);
        var (unknown, unknownUsd) = await unsettled.CountAsync(cancellationToken);
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);
        var minutes = await MinutesAsync(snapshot, now, cancellationToken);
        var (durations, firstBytes) = await DurationsAsync(snapshot, now, cancellationToken);

        var midnight = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        var today = minutes.Where(minute => minute.At >= midnight).Aggregate(new Sums(), (sum, minute) => sum.Plus(minute));
        var lastHour = minutes.Where(minute => minute.At > now.AddHours(-1)).ToList();
        return new OverviewReport
        {
            At = now,
            RequestsPerSecond = await PerSecondAsync(snapshot, now, cancellationToken),
            InFlight = reports.Count == 0 ? null : reports.Sum(report => (long)report.InFlight),
            SpendTodayUsd = Picodollars.ToUsd(today.Pico),
            RequestsToday = today.Requests,
            ErrorsToday = today.Errors,
            ErrorShare = Share(today.Errors, today.Requests),
            LatencyMs = Percentiles.Of(durations),
            FirstByteMs = Percentiles.Of(firstBytes),
            CacheHitShare = Share(today.Cache, today.Cache + today.Input),
            ProjectionLag = new ProjectionLag(lag.Lag, lag.LagSeconds),
            Journal = reports.Count == 0 ? null : new JournalState(reports.Sum(report => (long)report.JournalDepth), reports.Max(report => report.JournalOldestSeconds ?? 0)),
            OpenHolds = reports.Count == 0 ? null : new OpenHolds(reports.Sum(report => report.OpenHolds.Count), reports.Sum(report => report.OpenHolds.Usd)),
            UnknownUsage = new UnknownUsage(unknown, unknownUsd),
            Upstreams = Count(reports),
            Series = withSeries ? lastHour.ConvertAll(minute => new TrafficMinute(minute.At, minute.Requests, minute.Errors, Picodollars.ToUsd(minute.Pico), minute.Output)) : null,
        };
    }

    private UpstreamCounts Count(IReadOnlyList<ProxyReport> reports)
    {
        var upstreams = FleetUpstreams.Merge(reports);
        return reports.Count == 0
            ? new UpstreamCounts(config.Current.Upstreams.Length, null, null)
            : new UpstreamCounts(upstreams.Count, upstreams.Count(FleetUpstreams.IsUsable), upstreams.Count(upstream => FleetUpstreams.CircuitOf(upstream) == 2));
    }

    /// <summary>Today's minutes and those of the last hour, of which some may be yesterday's.</summary>
    private static async Task<List<Minute>> MinutesAsync(DbTransaction snapshot, DateTimeOffset now, CancellationToken cancellationToken)
    {
        const string Sql = """
            select minute as Start, requests as Requests, errors as Errors, spend_pico as Pico, input_tokens as Input, cache_tokens as Cache, output_tokens as Output
            from traffic where minute >= @from order by minute
            """;
        var from = now.AddHours(-1).UtcDateTime < now.UtcDateTime.Date ? now.AddHours(-1) : new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        return (await snapshot.Connection!.QueryAsync<Minute>(new CommandDefinition(Sql, new { from = Instant.ToMicroseconds(from) }, snapshot, cancellationToken: cancellationToken))).AsList();
    }

    private static async Task<double> PerSecondAsync(DbTransaction snapshot, DateTimeOffset now, CancellationToken cancellationToken)
    {
        const string Sql = "select count(*) from (select 1 from requests where admitted_at >= @from limit 1000000) as r";
        var count = await snapshot.Connection!.ExecuteScalarAsync<long>(
            new CommandDefinition(Sql, new { from = Instant.ToMicroseconds(now.AddMinutes(-1)) }, snapshot, cancellationToken: cancellationToken));
        return Math.Round(count / 60.0, 3);
    }

    private static async Task<(List<long> Durations, List<long> FirstBytes)> DurationsAsync(DbTransaction snapshot, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var rows = (await snapshot.Connection!.QueryAsync<(long Duration, long? FirstByte)>(new CommandDefinition(
            "select duration_ms, first_byte_ms from requests where admitted_at >= @from order by admitted_at desc limit @limit",
            new { from = Instant.ToMicroseconds(now - Lately), limit = MostDurations },
            snapshot,
            cancellationToken: cancellationToken))).AsList();
        return (rows.ConvertAll(row => row.Duration), [.. rows.Where(row => row.FirstByte is not null).Select(row => row.FirstByte!.Value)]);
    }

    private static double? Share(long part, long all) => all == 0 ? null : Math.Round((double)part / all, 4);

    private sealed record Minute(long Start, long Requests, long Errors, long Pico, long Input, long Cache, long Output)
    {
        public DateTimeOffset At => Instant.FromMicroseconds(Start);
    }

    private readonly record struct Sums(long Requests, long Errors, long Pico, long Input, long Cache)
    {
        public Sums Plus(Minute minute) => new(Requests + minute.Requests, Errors + minute.Errors, Pico + minute.Pico, Input + minute.Input, Cache + minute.Cache);
    }
}
