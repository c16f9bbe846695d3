using System.Text.Json;
using System.Threading.Channels;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Billing;
using CCGate.Projections.Engine;
using CCGate.Projections.Overview;
using CCGate.Projections.Requests;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Live;

/// <summary>Looks once a second, for all who listen together, and for nobody when nobody does.</summary>
internal sealed partial class LiveFeed(
    Database database, IEventStore store, OverviewReader overview, BillingJobs jobs, TimeProvider time, ILogger<LiveFeed> logger) : BackgroundService
{
    public const int MostListeners = 100;

    private const int MostRequests = 100;
    private const int PingSeconds = 15;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly HashSet<LiveListener> listeners = [];
    private (long Requests, long Administration)? seen;
    private long ticks;
    private bool failing;

    /// <summary>Null when there are too many.</summary>
    public LiveListener? Listen()
    {
        lock (gate)
        {
            var listener = new LiveListener(this);
            return listeners.Count < MostListeners && listeners.Add(listener) ? listener : null;
        }
    }

    public void Leave(LiveListener listener)
    {
        lock (gate)
        {
            listeners.Remove(listener);
        }
    }

    /// <summary>Tells everybody; what a listener does not take in time is dropped, the oldest first.</summary>
    private void Send(string name, string json) => Send($"event: {name}\ndata: {json}\n\n");

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            foreach (var listener in listeners)
            {
                listener.Cut();
            }
        }

        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        jobs.Changed += job => Send("job", JsonSerializer.Serialize(job, ProjectionsJson.Default.BillingJob));
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (!HasListeners())
            {
                seen = null;
                continue;
            }

            try
            {
                await LookAsync(stoppingToken);
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

            if (++ticks % PingSeconds == 0)
            {
                Send(": ping\n\n");
            }
        }
    }

    private bool HasListeners()
    {
        lock (gate)
        {
            return listeners.Count > 0;
        }
    }

    private void Send(string text)
    {
        lock (gate)
        {
            foreach (var listener in listeners)
            {
                listener.Take(text);
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        // Before the overview is told: who asks again when it comes has everything up to here.
        var now = await PositionsAsync(cancellationToken);
        var report = await overview.ReadAsync(withSeries: false, cancellationToken);
        Send("overview", JsonSerializer.Serialize(report, ProjectionsJson.Default.OverviewReport));

        if (seen is { } before && now.Requests > before.Requests)
        {
            // The ledger is in the order of arrival, which the rows are not; the newest of what was projected since.
            var events = await store.ReadAsync(Math.Max(before.Requests, now.Requests - MostRequests), now.Requests, MostRequests, cancellationToken);
            var rows = events.Select(RequestsProjection.Change).OfType<RequestRecord>().Select(RequestRow.Of).ToList();
            if (rows.Count > 0)
            {
                Send("requests", JsonSerializer.Serialize(new RequestPage(rows, null), ProjectionsJson.Default.RequestPage));
            }
        }

        if (seen is { } earlier && now.Administration != earlier.Administration)
        {
            Send("changed", $$"""{"position":{{now.Administration}}}""");
        }

        seen = now;
    }

    private async Task<(long Requests, long Administration)> PositionsAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var requests = await Checkpoints.ReadAsync(connection, "requests", transaction: null, cancellationToken);
        var administration = await connection.ExecuteScalarAsync<long?>(new CommandDefinition("select max(position) from administration", cancellationToken: cancellationToken));
        return (requests?.Position ?? 0, administration ?? 0);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What changed cannot be read for those who watch; it is tried again")]
    private partial void LogFailed(Exception error);
}

/// <summary>Somebody who watches, with what is still to be sent.</summary>
internal sealed class LiveListener : IDisposable
{
    private const int Bound = 32;

    private readonly LiveFeed feed;
    private readonly Channel<string> waiting;
    private int dropped;

    public LiveListener(LiveFeed feed)
    {
        this.feed = feed;
        waiting = Channel.CreateBounded<string>(
            new BoundedChannelOptions(Bound) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, _ => dropped++);
    }

    public ChannelReader<string> Texts => waiting.Reader;

    /// <summary>One that is a whole queue behind does not read any more, and is cut.</summary>
    public void Take(string text)
    {
        waiting.Writer.TryWrite(text);
        if (dropped > Bound)
        {
            Cut();
        }
    }

    public void Cut() => waiting.Writer.TryComplete();

    public void Dispose()
    {
        Cut();
        feed.Leave(this);
    }
}
