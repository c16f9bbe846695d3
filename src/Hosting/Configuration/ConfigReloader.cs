using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Configuration;

/// <summary>Puts a changed configuration directory into force; a bad one is reported and the last good one stays.</summary>
internal sealed partial class ConfigReloader(ConfigDirectory directory, ConfigSource source, TimeProvider time, ILogger<ConfigReloader> logger) : BackgroundService
{
    // Polled, because file notifications do not cross bind mounts and network file systems; four stats twice a second cost nothing.
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    private IReadOnlyList<string> present = directory.Present();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // What was read at the start may have changed since: the first look always reads.
        var seen = "";
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var stamp = directory.Stamp();
            if (stamp == seen)
            {
                continue;
            }

            var first = seen.Length == 0;
            seen = stamp;
            Reload(first);
        }
    }

    private void Reload(bool first)
    {
        // An editor that deletes and renames passes through this for a moment; and nobody means to lock everybody out.
        if (present.Except(directory.Present(), StringComparer.Ordinal).FirstOrDefault() is { } gone)
        {
            LogRefused($"{gone} is gone. To do without it, put {{}} into it.");
            return;
        }

        var reading = directory.Read();
        if (reading.Config is { } next)
        {
            present = directory.Present();
            source.Replace(next);
            if (!first)
            {
                LogReloaded(directory.Path, next.Tenants.Length, next.Upstreams.Length);
            }

            return;
        }

        foreach (var problem in reading.Errors)
        {
            LogRefused(problem.ToString());
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Configuration {Directory} reloaded: {Tenants} tenants, {Upstreams} upstreams")]
    private partial void LogReloaded(string directory, int tenants, int upstreams);

    [LoggerMessage(Level = LogLevel.Error, Message = "Changed configuration not used, the last good one stays: {Problem}")]
    private partial void LogRefused(string problem);
}
