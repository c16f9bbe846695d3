using System.Collections.Immutable;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Administration;

/// <summary>Brings what operators changed at run time into the configuration in force. Without a database the directory alone decides, until there is one.</summary>
internal sealed partial class AdministrationFeed(Database database, ConfigSource config, TimeProvider time, ILogger<AdministrationFeed> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(5);

    private ImmutableArray<string> ignored = [];
    private bool failing;

    /// <summary>Looks once before the process serves, so that a restart does not go back to the directory's prices for a moment.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await LookAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await LookAsync(stoppingToken);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(LongestRead);
            var known = config.Facts;
            var read = await AdministrationTable.ReadAsync(database, known, patience.Token);
            if (read.Position != known.Position)
            {
                config.Replace(read);
                LogChanged(read.Position, config.Current.Prices.Version);
            }

            LogIgnored(config.Current.Ignored);
            failing = false;
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested)
        {
            if (!failing)
            {
                LogFailed(error);
            }

            failing = true;
        }
    }

    private void LogIgnored(ImmutableArray<string> now)
    {
        if (now != ignored)
        {
            foreach (var sentence in now.Except(ignored))
            {
                LogNotInForce(sentence);
            }

            ignored = now;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not in force of what operators declared: {Sentence}")]
    private partial void LogNotInForce(string sentence);

    [LoggerMessage(Level = LogLevel.Information, Message = "What operators changed is in force up to position {Position}; prices {Version}")]
    private partial void LogChanged(long position, string version);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What operators changed at run time cannot be read; what was last known stays in force, and it is tried again")]
    private partial void LogFailed(Exception error);
}

/// <summary>The read model <c>administration</c>: the events that operators made, in the order of the ledger.</summary>
internal static class AdministrationTable
{
    private const int RowsPerRead = 500;

    /// <summary>The facts with everything that the table has beyond them.</summary>
    public static async Task<AdministrationFacts> ReadAsync(Database database, AdministrationFacts known, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        while (true)
        {
            var rows = (await connection.QueryAsync<(long Position, string Type, string Data)>(new CommandDefinition(
                "select position, type, data from administration where position > @after order by position limit @limit",
                new { after = known.Position, limit = RowsPerRead },
                cancellationToken: cancellationToken))).AsList();
            known = rows.Aggregate(known, (facts, row) => facts.With(row.Position, row.Type, row.Data));
            if (rows.Count < RowsPerRead)
            {
                return known;
            }
        }
    }
}
