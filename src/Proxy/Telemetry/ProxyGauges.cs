using System.Diagnostics.Metrics;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Upstreams;
using Microsoft.Extensions.Hosting;

namespace CCGate.Proxy.Telemetry;

/// <summary>What the proxy is like now, and what its parts have counted since they began: asked when somebody looks, never by a request.</summary>
internal sealed class ProxyGauges(IMeterFactory meters, ConfigSource config, UpstreamPool upstreams, QuotaLedger quotas, UsageJournal journal, TimeProvider time) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var meter = meters.Create(ProxyMetrics.MeterName);
        CreateUpstreams(meter);
        CreateHolds(meter);
        CreateJournal(meter);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void CreateUpstreams(Meter meter)
    {
        meter.CreateObservableGauge<long>("ccgate.breaker.state", () => upstreams.Current.Select(upstream => Of(upstream, (long)StateOf(upstream.State.Breaker.State))), unit: null, "0 closed, 1 half open, 2 open");
        meter.CreateObservableGauge<long>("ccgate.upstream.in_flight", () => upstreams.Current.Select(upstream => Of(upstream, (long)upstream.State.Gate.InFlight)), "{attempt}", "Attempts under way");
        meter.CreateObservableCounter<long>("ccgate.breaker.transitions", () => upstreams.Current.SelectMany(Transitions), "{transition}", "Changes of a breaker, by the state it came into");
    }

    private void CreateHolds(Meter meter)
    {
        meter.CreateObservableGauge("ccgate.holds.open", () => (long)quotas.OpenHolds().Count, "{hold}", "Requests whose money is held");
        meter.CreateObservableGauge("ccgate.holds.amount", () => (double)Picodollars.ToUsd(quotas.OpenHolds().Pico), "{USD}", "Money held for requests in flight");
        meter.CreateObservableCounter("ccgate.holds.expired", () => quotas.ExpiredHolds, "{hold}", "Holds whose lease ran out before they were settled");

        // Observed, so that it is there as 0 from the start: what is missing raises no alarm.
        meter.CreateObservableCounter("ccgate.requests.over_limit", () => quotas.OverLimit, "{request}", "Requests by which a limit was exceeded; anything but 0 is a fault");
    }

    private void CreateJournal(Meter meter)
    {
        meter.CreateObservableGauge("ccgate.journal.depth", () => (long)journal.Index.Depth, "{event}", "Requests in flight, and facts the read model does not count yet");
        meter.CreateObservableGauge("ccgate.journal.capacity", () => (long)config.Current.Server.MaxJournalEvents, "{event}", "The depth at which requests are refused");
        meter.CreateObservableGauge("ccgate.journal.oldest_age", OldestAge, "s", "Age of the oldest fact that is complete and not counted yet; 0 when there is none");
    }

    private double OldestAge() => journal.Index.OldestFactAt is { } oldest ? Math.Max(0, (time.GetUtcNow() - oldest).TotalSeconds) : 0;

    private static int StateOf(CircuitState state) => state switch { CircuitState.Closed => 0, CircuitState.HalfOpen => 1, _ => 2 };

    private static Measurement<long> Of(Upstream upstream, long value) => new(value, new KeyValuePair<string, object?>(MetricLabels.Upstream, upstream.Config.Id));

    private static IEnumerable<Measurement<long>> Transitions(Upstream upstream)
    {
        var transitions = upstream.State.Breaker.Transitions;
        return [Of("open", transitions.Opened), Of("half_open", transitions.HalfOpened), Of("closed", transitions.Closed)];

        Measurement<long> Of(string state, long count) =>
            new(count, new KeyValuePair<string, object?>(MetricLabels.Upstream, upstream.Config.Id), new KeyValuePair<string, object?>(MetricLabels.State, state));
    }
}
