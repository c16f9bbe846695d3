using System.Data.Common;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Ledger;
using CCGate.Projections.Notifications;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Quotas;

/// <summary>Posts every alert of the ledger to the configured address, in order; any number of these may run.</summary>
/// <remarks>
/// It follows the ledger by a checkpoint of its own, which moves once the receiver has answered. Before each try it sets the row's time by compare-and-set,
/// and nobody else sends while that is fresh. So an alert is sent once, and again only when its sender died before it could say so.
/// </remarks>
internal sealed partial class AlertWebhook(Database database, IEventStore store, ConfigSource config, DeliveryLog log, TimeProvider time, ILogger<AlertWebhook> logger) : BackgroundService
{
    public const string CheckpointName = "webhook";
    public const int MaxTries = 6;

    private const int BatchSize = 100;

    /// <summary>A checkpoint that has nothing to say need not be written at every look.</summary>
    private const long MaxUnwritten = 10_000;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>Longer than a try and the pause after it.</summary>
    private static readonly TimeSpan Claim = TimeSpan.FromSeconds(90);

    private readonly WebhookClient webhook = new(time);

    private long looked;
    private long claimedAt = -1;
    private bool isForgotten;
    private bool receiverAnswers = true;

    public override void Dispose()
    {
        webhook.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => new LookLoop(Period, LongestPause, time).RunAsync(LookAsync, LogLate, stoppingToken);

    /// <summary>Sends what has come since the last time.</summary>
    private async Task LookAsync(CancellationToken cancellationToken)
    {
        if (config.Current.Alerts is not { Webhook: { } address } alerts || !alerts.Kinds.Contains(AlertKinds.SoftLimit))
        {
            await ForgetAsync(cancellationToken);
            return;
        }

        var end = await store.HighWaterMarkAsync(cancellationToken);
        var sent = await CheckpointAsync(end, cancellationToken);
        for (looked = Math.Max(looked, sent); looked < end;)
        {
            var alerted = await FindAsync(looked, end, cancellationToken);
            foreach (var position in alerted)
            {
                if (!await SendAsync(address, alerts.Secret, sent, position, cancellationToken))
                {
                    return; // Another process is at it.
                }

                sent = looked = position;
            }

            looked = alerted.Count < BatchSize ? end : looked;
        }

        if (end - sent > MaxUnwritten && await ClaimAsync(sent, cancellationToken))
        {
            await AdvanceAsync(sent, end, cancellationToken);
        }
    }

    /// <summary>Tries until the receiver takes it, or often enough; false when another process has the checkpoint.</summary>
    private async Task<bool> SendAsync(Uri address, Secret? secret, long sent, long position, CancellationToken cancellationToken)
    {
        var stored = (await store.ReadAsync(position - 1, position, 1, cancellationToken))[0];

        // An alert nobody takes must not keep back the next ones for ever: after one was given up, each has one try until one arrives.
        var tries = receiverAnswers ? MaxTries : 1;
        receiverAnswers = false;
        string? error = null;
        for (var (left, pause) = (tries, Period); left > 0 && !receiverAnswers; left--, pause *= 2)
        {
            if (!await ClaimAsync(sent, cancellationToken))
            {
                receiverAnswers = true;
                return false;
            }

            error = await TryAsync(address, secret, stored, cancellationToken);
            receiverAnswers = error is null;
            if (!receiverAnswers && left > 1)
            {
                await Task.Delay(pause, time, cancellationToken);
            }
        }

        if (!receiverAnswers)
        {
            LogGivenUp(stored.Id, address.Host, tries);
        }

        log.Add(AlertKinds.SoftLimit, Notifier.Webhook, error);

        return await AdvanceAsync(sent, position, cancellationToken);
    }

    private async Task<string?> TryAsync(Uri address, Secret? secret, StoredEvent stored, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(LedgerEvent.From(stored), ProjectionsJson.Default.LedgerEvent);
        var error = await webhook.PostAsync(address, secret, stored.Id, body, cancellationToken);
        if (error is not null)
        {
            LogRefused(stored.Id, address.Host, error);
        }

        return error;
    }

    /// <summary>The positions of alerts; a look at the index and the types of what is new, none of its data.</summary>
    private async Task<List<long>> FindAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return (await connection.QueryAsync<long>(new CommandDefinition(
            "select seq_id from mt_events where seq_id > @after and seq_id <= @upTo and type = @type order by seq_id limit @limit",
            new { after, upTo, type = EventTypes.BudgetThresholdReached, limit = BatchSize },
            cancellationToken: cancellationToken))).AsList();
    }

    /// <summary>Where it stands. The first time, that is the end of the ledger: what was alerted before there was a receiver is history.</summary>
    private async Task<long> CheckpointAsync(long end, CancellationToken cancellationToken)
    {
        isForgotten = false;
        await using var connection = await database.OpenAsync(cancellationToken);
        var checkpoint = await Checkpoints.ReadAsync(connection, CheckpointName, transaction: null, cancellationToken);
        if (checkpoint is null)
        {
            await WriteAsync(
                "insert into projection_checkpoint (name, position, updated_at) values (@name, @to, 0) on conflict (name) do nothing",
                new { name = CheckpointName, to = end },
                cancellationToken);
            checkpoint = await Checkpoints.ReadAsync(connection, CheckpointName, transaction: null, cancellationToken);
        }

        return checkpoint?.Position ?? end;
    }

    /// <summary>Without a receiver there is no checkpoint: one that is configured later begins anew.</summary>
    private async Task ForgetAsync(CancellationToken cancellationToken)
    {
        if (!isForgotten)
        {
            await WriteAsync("delete from projection_checkpoint where name = @name", new { name = CheckpointName }, cancellationToken);
            (isForgotten, looked) = (true, 0);
        }
    }

    private async Task<bool> ClaimAsync(long sent, CancellationToken cancellationToken)
    {
        var now = Instant.ToMicroseconds(time.GetUtcNow());
        var isOurs = await WriteAsync(
            "update projection_checkpoint set updated_at = @now where name = @name and position = @sent and (updated_at = @claimedAt or updated_at < @stale)",
            new { now, name = CheckpointName, sent, claimedAt, stale = now - ((long)Claim.TotalMilliseconds * 1000) },
            cancellationToken) == 1;
        claimedAt = isOurs ? now : -1;
        return isOurs;
    }

    private async Task<bool> AdvanceAsync(long from, long to, CancellationToken cancellationToken) => await WriteAsync(
        "update projection_checkpoint set position = @to where name = @name and position = @from and updated_at = @claimedAt",
        new { to, name = CheckpointName, from, claimedAt },
        cancellationToken) == 1;

    private async Task<int> WriteAsync(string sql, object parameters, CancellationToken cancellationToken)
    {
        using var turn = await database.TurnAsync(cancellationToken);
        await using DbConnection connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
    }

    [LoggerMessage(LogLevel.Warning, "Alert {Event} was not taken by the webhook at {Host}: {Reason}")]
    private partial void LogRefused(Guid @event, string host, string reason);

    [LoggerMessage(LogLevel.Error, "Alert {Event} was not taken by the webhook at {Host} in {Tries} tries and is given up; it stays in the ledger")]
    private partial void LogGivenUp(Guid @event, string host, int tries);

    [LoggerMessage(LogLevel.Warning, "The ledger cannot be read; alerts are sent late, after the next try in {Pause}")]
    private partial void LogLate(Exception failure, TimeSpan pause);
}
