using System.Diagnostics.Metrics;
using CCGate.Proxy.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Infrastructure;

/// <summary>One measurement, with its labels in their order.</summary>
internal sealed record Measured(Instrument Instrument, double Value, IReadOnlyDictionary<string, object?> Labels)
{
    /// <summary>As <c>name{label=value}</c>.</summary>
    public string Line => Labels.Count == 0 ? Instrument.Name : $"{Instrument.Name}{{{string.Join(',', Labels.Select(label => $"{label.Key}={label.Value}"))}}}";
}

/// <summary>What one host measures with one meter, and nobody else's.</summary>
internal sealed class MeasuredMetrics : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly Lock gate = new();
    private readonly List<Measured> measured = [];
    private readonly List<Instrument> instruments = [];

    public MeasuredMetrics(IServiceProvider services, string meter = ProxyMetrics.MeterName)
    {
        var factory = services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, subscriber) =>
        {
            if (instrument.Meter.Name == meter && instrument.Meter.Scope == factory)
            {
                instruments.Add(instrument);
                subscriber.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, labels, _) => Add(instrument, value, labels));
        listener.SetMeasurementEventCallback<double>((instrument, value, labels, _) => Add(instrument, value, labels));
        listener.Start();
    }

    public IReadOnlyList<Instrument> Instruments => instruments;

    /// <summary>Everything that was measured, and what the observable ones say now.</summary>
    public IReadOnlyList<Measured> All
    {
        get
        {
            lock (gate)
            {
                measured.RemoveAll(one => one.Instrument.IsObservable);
                listener.RecordObservableInstruments();
                return [.. measured];
            }
        }
    }

    public void Dispose() => listener.Dispose();

    /// <summary>What was measured with an instrument; of labels, those that are named have to be as given.</summary>
    public IReadOnlyList<Measured> Of(string instrument, params (string Name, string Value)[] labels) =>
        [.. All.Where(one => one.Instrument.Name == instrument && labels.All(label => (string?)one.Labels.GetValueOrDefault(label.Name) == label.Value))];

    public double Sum(string instrument, params (string Name, string Value)[] labels) => Of(instrument, labels).Sum(one => one.Value);

    /// <summary>What a gauge says now, by its <see cref="Measured.Line"/>; null when it says nothing.</summary>
    public double? Gauge(string line) => All.LastOrDefault(one => one.Instrument.IsObservable && one.Line == line)?.Value;

    /// <summary>What was counted until now.</summary>
    public double Counted(string line) => Recorded(line).Sum();

    public IReadOnlyList<double> Recorded(string line) => [.. All.Where(one => !one.Instrument.IsObservable && one.Line == line).Select(one => one.Value)];

    /// <summary>Returns once the measurements of an instrument sum up to this: a client has its answer before the request is measured.</summary>
    public Task SumsToAsync(double sum, string instrument, params (string Name, string Value)[] labels) =>
        Eventually.HoldsAsync(() => Math.Abs(Sum(instrument, labels) - sum) < 1e-9, $"{instrument} is {sum}");

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        var names = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, label) in labels)
        {
            names.Add(name, label);
        }

        lock (gate)
        {
            measured.Add(new Measured(instrument, value, names));
        }
    }
}
