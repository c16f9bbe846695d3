using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering;
using Dapper;

namespace CCGate.Projections.Reconciliation;

/// <summary>The reconciliations in the ledger: an event for each upstream, in a stream of its own.</summary>
internal sealed class ReconciliationLog(Database database, EventIntake intake, TimeProvider time)
{
    /// <summary>Writes down what came out.</summary>
    public async Task AddAsync(ReconciliationReport report, string by, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();

        // A day that is not over has requests that only one side knows yet.
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var lowest = report.Days.Where(day => day.Day < today && day.CaptureRatio is not null).MinBy(day => day.CaptureRatio);
        foreach (var upstream in report.Upstreams)
        {
            await intake.AddAsync(
                EventRecord.From(new UpstreamReconciled
                {
                    EventId = UpstreamReconciled.IdOf(upstream, report.From, report.To, now),
                    UpstreamId = upstream,
                    AccountUpstreamIds = report.Upstreams,
                    Format = report.Format,
                    From = report.From,
                    To = report.To,
                    Threshold = report.Threshold,
                    Agrees = report.Agrees,
                    DriftCount = report.DriftCount,
                    LowestRatio = lowest?.CaptureRatio,
                    LowestDay = lowest?.Day,
                    LowestMetric = lowest?.Metric,
                    By = by,
                    ReconciledAt = now,
                }),
                cancellationToken);
        }
    }

    /// <summary>The last of an upstream, found by its stream's index; null when there is none.</summary>
    public async Task<UpstreamReconciled?> LastAsync(string upstreamId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var data = await connection.QueryFirstOrDefaultAsync<string?>(new CommandDefinition(
            "select cast(data as text) from mt_events where stream_id = @stream and type = @type order by version desc limit 1",
            new { stream = EventRecord.ReconciliationStream(upstreamId), type = EventTypes.UpstreamReconciled },
            cancellationToken: cancellationToken));
        return data is null ? null : JsonSerializer.Deserialize(data, ContractsJson.Default.UpstreamReconciled);
    }
}
