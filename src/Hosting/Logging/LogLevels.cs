using CCGate.Hosting.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace CCGate.Hosting.Logging;

/// <summary>Which entries are written: as server.json says now, else as the environment's variables say, else as is usual.</summary>
internal sealed class LogLevels : IPostConfigureOptions<LoggerFilterOptions>, IOptionsChangeTokenSource<LoggerFilterOptions>, IDisposable
{
    // A failed attempt is one line of ours, not a stack of YARP's.
    private static readonly LoggerFilterRule[] Usual =
        [Rule(null, LogLevel.Information), Rule("Microsoft.AspNetCore", LogLevel.Warning), Rule("MassTransit", LogLevel.Warning), Rule("Yarp", LogLevel.Error)];

    // What these write below warnings has whole addresses and request lines in it, and clients may put a key into the query.
    private static readonly string[] Discreet = ["Microsoft.AspNetCore", "System.Net.Http", "Yarp"];

    private readonly ConfigSource source;
    private LogsConfig logs;
    private CancellationTokenSource changed = new();

    public LogLevels(ConfigSource source)
    {
        this.source = source;
        logs = source.Current.Telemetry.Logs;
        source.Changed += Change;
    }

    public string Name => Options.DefaultName;

    public IChangeToken GetChangeToken() => new CancellationChangeToken(Volatile.Read(ref changed).Token);

    public void PostConfigure(string? name, LoggerFilterOptions options)
    {
        // Of rules for the same category the last one counts.
        var now = Volatile.Read(ref logs);
        LoggerFilterRule[] rules =
        [
            .. Usual, .. options.Rules,
            .. now.Level is { } level ? [Rule(null, level)] : Array.Empty<LoggerFilterRule>(),
            .. now.Levels.Select(pair => Rule(pair.Key, pair.Value)),
        ];
        options.MinLevel = LogLevel.Trace;
        options.Rules.Clear();
        foreach (var rule in rules)
        {
            var before = rule.Filter;
            options.Rules.Add(new LoggerFilterRule(
                rule.ProviderName, rule.CategoryName, rule.LogLevel, (provider, category, asked) => !IsIndiscreet(category, asked) && before?.Invoke(provider, category, asked) != false));
        }
    }

    public void Dispose()
    {
        source.Changed -= Change;
        changed.Dispose();
    }

    private void Change(GatewayConfig config)
    {
        var next = config.Telemetry.Logs;
        if (next == Interlocked.Exchange(ref logs, next))
        {
            return;
        }

        // Whoever listens asks for a new token while this one is cancelled.
        using var before = Interlocked.Exchange(ref changed, new CancellationTokenSource());
        before.Cancel();
    }

    private static bool IsIndiscreet(string? category, LogLevel level) =>
        level < LogLevel.Warning && category is not null && Array.Exists(Discreet, prefix => category.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    private static LoggerFilterRule Rule(string? category, LogLevel level) => new(providerName: null, category, level, filter: null);
}
