using System.Diagnostics.Metrics;

namespace CCGate.Tests.Infrastructure;

/// <summary>What the instruments of one meter say, each line as <c>name{label=value}</c>.</summary>
internal sealed class MeterReadings : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly Lock gate = new();
    private readonly List<(string Line, double Value)> recorded = [];
    private readonly Dictionary<string, double> observed = [];

    public MeterReadings(IMeterFactory meters, string meter)
    {
        listener.InstrumentPublished = (instrument, subscriber) =>
        {
            if (instrument.Meter.Name == meter && instrument.Meter.Scope == meters)
            {
                subscriber.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.Start();
    }

    /// <summary>What a gauge says now; null when it says nothing.</summary>
    public double? Gauge(string line)
    {
        lock (gate)
        {
            observed.Clear();
            listener.RecordObservableInstruments();
            return observed.TryGetValue(line, out var value) ? value : null;
        }
    }

    /// <summary>What was counted until now.</summary>
    public double Counted(string line) => Recorded(line).Sum();

    public IReadOnlyList<double> Recorded(string line)
    {
        lock (gate)
        {
            return [.. recorded.Where(one => one.Line == line).Select(one => one.Value)];
        }
    }

    public void Dispose() => listener.Dispose();

    private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = string.Join(',', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"));
        var line = labels.Length == 0 ? instrument.Name : $"{instrument.Name}{{{labels}}}";
        lock (gate)
        {
            if (instrument.IsObservable)
            {
                observed[line] = value;
            }
            else
            {
                recorded.Add((line, value));
            }
        }
    }
}
