using System.Diagnostics.Metrics;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Telemetry;

/// <summary>How far a rebuild is, as a part of the whole.</summary>
internal sealed record RebuildShare(string Projection, double Done);

/// <summary>The last reconciliation of an upstream.</summary>
/// <param name="Ratio">Its lowest capture ratio; null when no whole day was compared.</param>
internal sealed record Capture(string Upstream, double? Ratio, DateTimeOffset At);

/// <summary>How many limits stand where.</summary>
internal sealed record LimitStates(long Ok, long NearlySpent, long Exhausted);

/// <summary>A number.</summary>
internal sealed record Tally(long Count);

/// <summary>What the projections measure. Gauges show what <see cref="ProjectionMetricsWatch"/> read; what could not be read is left out, so that nobody trusts an old number.</summary>
internal sealed class ProjectionMetrics
{
    public const string MeterName = "CCGate.Projections";

    /// <summary>How old what gauges show may become.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    /// <summary>The same for what asks more of the database.</summary>
    public static readonly TimeSpan LongPeriod = TimeSpan.FromSeconds(15);

    private readonly TimeProvider time;
    private readonly Counter<long> applied;

    public ProjectionMetrics(IMeterFactory meters, TimeProvider time)
    {
        this.time = time;
        States = new(Period, time);
        Rebuilds = new(Period, time);
        UnknownUsage = new(Period, time);
        Proxies = new(Period, time);
        Limits = new(LongPeriod, time);
        Captures = new(LongPeriod, time);

        var meter = meters.Create(MeterName);
        applied = meter.CreateCounter<long>("ccgate.projection.applied", "{event}", "Events that a projection applied to its live table");
        AddPositions(meter);
        AddMoney(meter);
    }

    public Reading<IReadOnlyList<ProjectionState>> States { get; }

    public Reading<IReadOnlyList<RebuildShare>> Rebuilds { get; }

    public Reading<Tally> UnknownUsage { get; }

    public Reading<Tally> Proxies { get; }

    public Reading<LimitStates> Limits { get; }

    public Reading<IReadOnlyList<Capture>> Captures { get; }

    public void Applied(string projection, int count) => applied.Add(count, new KeyValuePair<string, object?>("projection", projection));

    private void AddPositions(Meter meter)
    {
        meter.CreateObservableGauge("ccgate.store.position", () => States.Value is [var first, ..] ? [new(first.HighWaterMark)] : None<long>(), "{event}", "The last position of the event store that is safe to read");
        meter.CreateObservableGauge("ccgate.projection.position", () => PerProjection(state => state.Position), "{event}", "The last position a projection applied");
        meter.CreateObservableGauge("ccgate.projection.lag", () => PerProjection(state => state.Lag), "{event}", "Positions between a projection and the event store");
        meter.CreateObservableGauge("ccgate.projection.lag.time", () => PerProjection(state => state.LagSeconds), "s", "Age of the oldest event a projection has not applied; 0 when it has caught up");
        meter.CreateObservableGauge("ccgate.projection.stopped", () => PerProjection(state => state.State == "stopped" ? 1L : 0), unit: null, "1 when a projection stopped in front of an event that it cannot apply");
        meter.CreateObservableGauge(
            "ccgate.rebuild.progress", () => Each(Rebuilds.Value, rebuild => Of(rebuild.Done, "projection", rebuild.Projection)), "1", "How much of the ledger a rebuild has applied, whatever process runs it");
    }

    private void AddMoney(Meter meter)
    {
        meter.CreateObservableGauge("ccgate.unknown_usage.open", () => One(UnknownUsage.Value), "{attempt}", "Requests of which nobody said what they cost and that wait to be settled");
        meter.CreateObservableGauge("ccgate.fleet.proxies", () => One(Proxies.Value), "{proxy}", "Proxies that report");
        meter.CreateObservableGauge(
            "ccgate.capture.ratio",
            () => Each(Captures.Value?.Where(capture => capture.Ratio is not null), capture => Of(capture.Ratio!.Value, "ccgate.upstream", capture.Upstream)),
            "1",
            "Metered by reported, of an upstream's last reconciliation: the lowest of anything counted on any whole day");
        meter.CreateObservableGauge(
            "ccgate.capture.age", () => Each(Captures.Value, capture => Of((time.GetUtcNow() - capture.At).TotalSeconds, "ccgate.upstream", capture.Upstream)), "s", "Since an upstream's last reconciliation");
        meter.CreateObservableGauge(
            "ccgate.limits",
            () => Limits.Value is { } limits ? [Of(limits.Ok, "state", "ok"), Of(limits.NearlySpent, "state", "nearly_spent"), Of(limits.Exhausted, "state", "exhausted")] : None<long>(),
            "{limit}",
            "Limits of tenants and their keys, by how much of them is used: nearly spent from 80 % on");
    }

    private IEnumerable<Measurement<T>> PerProjection<T>(Func<ProjectionState, T> value)
        where T : struct =>
        Each(States.Value, state => Of(value(state), "projection", state.Name));

    private static IEnumerable<Measurement<T>> Each<T, TItem>(IEnumerable<TItem>? items, Func<TItem, Measurement<T>> measure)
        where T : struct =>
        items is null ? [] : [.. items.Select(measure)];

    private static Measurement<long>[] One(Tally? tally) => tally is null ? [] : [new(tally.Count)];

    private static Measurement<T>[] None<T>()
        where T : struct => [];

    private static Measurement<T> Of<T>(T value, string name, string label)
        where T : struct => new(value, new KeyValuePair<string, object?>(name, label));
}
