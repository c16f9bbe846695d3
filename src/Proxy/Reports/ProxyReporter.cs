using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Fleet;
using CCGate.Hosting.Storage;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Reports;

/// <summary>Tells the database each second what only this proxy knows, when that changed, and else often enough to be taken for alive. No request waits for it.</summary>
internal sealed partial class ProxyReporter(
    Database database, ConfigSource config, UpstreamPool upstreams, QuotaLedger quotas, UsageJournal journal, ProxyIdentity identity, TimeProvider time, ILogger<ProxyReporter> logger)
    : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestWrite = TimeSpan.FromSeconds(5);

    private readonly DateTimeOffset startedAt = time.GetUtcNow();
    private string? written;
    private long writtenAt;
    private bool failing;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await TryReportAsync(stoppingToken);
        }
    }

    private async Task TryReportAsync(CancellationToken stoppingToken)
    {
        try
        {
            var data = JsonSerializer.Serialize(Report(), ProxyReportJson.Default.ProxyReport);
            if (data == written && time.GetElapsedTime(writtenAt) < Heartbeat)
            {
                return;
            }

            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            patience.CancelAfter(LongestWrite);
            await ProxyReportTable.WriteAsync(database, identity.Instance, data, time.GetUtcNow(), patience.Token);
            (written, writtenAt, failing) = (data, time.GetTimestamp(), false);
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

    private ProxyReport Report()
    {
        var (count, pico) = quotas.OpenHolds();
        var states = upstreams.Current.ToDictionary(upstream => upstream.Config.Id, upstream => upstream.State, StringComparer.Ordinal);
        return new ProxyReport
        {
            Instance = identity.Instance,
            StartedAt = startedAt,
            RequestsAdmitted = journal.Index.Opened,
            InFlight = journal.Index.InFlight,
            JournalDepth = journal.Index.Depth,
            JournalOldestSeconds = journal.Index.OldestFactAt is { } oldest ? Math.Round(Math.Max(0, (time.GetUtcNow() - oldest).TotalSeconds)) : null,
            OpenHolds = new OpenHolds(count, Contracts.Picodollars.ToUsd(pico)),
            Upstreams = [.. config.Current.Upstreams.Select(upstream => JsonSerializer.SerializeToElement(
                UpstreamStatus.Of(upstream, states.GetValueOrDefault(upstream.Id)), UpstreamsJson.Default.UpstreamStatus))],
        };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What this proxy knows of itself cannot be written to the database; pages show it as gone, and it is tried again")]
    private partial void LogFailed(Exception error);
}
