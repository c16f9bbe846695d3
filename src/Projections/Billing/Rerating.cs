using System.Runtime.InteropServices;
using CCGate.Contracts;
using CCGate.Metering;
using CCGate.Projections.Export;

namespace CCGate.Projections.Billing;

/// <summary>Who re-rates, when, and why: what every adjustment says.</summary>
internal sealed record RerateOrder(string Reason, string By, DateTimeOffset At);

/// <summary>Applies another price book to the usage of a period, and adjusts what differs when it is ordered to.</summary>
/// <remarks>
/// An adjustment makes up the difference to what has been charged by now, so one that is there already leaves none: whatever was interrupted is finished by doing
/// it again, and doing it twice adjusts once.
/// </remarks>
internal sealed class Rerating(PriceBook book, string? modelPattern)
{
    private const int BatchSize = 500;

    private readonly Dictionary<(string Tenant, string Model), RerateRow> rows = [];
    private RerateLeftOut leftOut = new();
    private long differ;

    /// <summary>Adds everything up; nothing is written.</summary>
    public async Task<RerateReport> LookAsync(LedgerExport ledger, CancellationToken cancellationToken)
    {
        await foreach (var row in ledger.RequestsAsync(cancellationToken))
        {
            Rate(row);
        }

        return Report(ledger, adjusted: null);
    }

    /// <summary>The same, and every request that differs is adjusted on the way. The book is published first, because the adjustments name it.</summary>
    /// <exception cref="InvalidOperationException">An adjustment cannot become history; those before it have.</exception>
    public async Task<RerateReport> ApplyAsync(LedgerExport ledger, EventIntake intake, RerateOrder order, CancellationToken cancellationToken)
    {
        await AcceptAsync(intake, [EventRecord.From(PriceBookPublished.Of(book, order.At))], cancellationToken);
        var published = intake.Stored;
        var batch = new List<EventRecord>(BatchSize);
        await foreach (var row in ledger.RequestsAsync(cancellationToken))
        {
            if (Rate(row) is { Count: > 0 } lines)
            {
                batch.Add(EventRecord.From(Adjustment(row, lines, order)));
            }

            if (batch.Count == BatchSize)
            {
                await AcceptAsync(intake, batch, cancellationToken);
                batch.Clear();
            }
        }

        await AcceptAsync(intake, batch, cancellationToken);
        return Report(ledger, intake.Stored - published);
    }

    /// <summary>Adds a request to the rows, and gives a line for each attempt that has another amount.</summary>
    private List<AdjustmentLine> Rate(ExportedRequest row)
    {
        var lines = new List<AdjustmentLine>();
        string? endedWith = null;
        foreach (var attempt in row.Attempts.Where(attempt => modelPattern is null || ModelPattern.Matches(modelPattern, attempt.ProviderModel ?? "")))
        {
            var model = attempt.ProviderModel ?? "";
            var adjusted = row.Adjustments.Of(attempt.Number);
            if (LeaveOut(row.Request, attempt) || Spend(row.Request, attempt, adjusted.Usage) is not { } rerated)
            {
                continue;
            }

            var charged = attempt.SpendUsd + adjusted.SpendUsd;
            endedWith = model;
            Row(row.Request, model, of => of with { ChargedUsd = of.ChargedUsd + charged, ReratedUsd = of.ReratedUsd + rerated });
            if (rerated != charged)
            {
                lines.Add(new AdjustmentLine
                {
                    Attempt = attempt.Number,
                    UpstreamId = attempt.UpstreamId ?? "",
                    ProviderModel = model,
                    SpendUsd = rerated - charged,
                    PriceVersion = book.Version,
                });
            }
        }

        if (endedWith is not null)
        {
            Row(row.Request, endedWith, of => of with { Requests = of.Requests + 1 });
        }

        differ += lines.Count > 0 ? 1 : 0;
        return lines;
    }

    private bool LeaveOut(RequestCompleted request, Attempt attempt)
    {
        if (request.ImportedFrom is not null)
        {
            leftOut = leftOut with { Imported = leftOut.Imported + 1 };
            return true;
        }

        if (attempt.UsageState == UsageState.Unknown)
        {
            leftOut = leftOut with { UnknownUsage = leftOut.UnknownUsage + 1 };
            return true;
        }

        return false;
    }

    /// <summary>What the corrected usage owes. A sum of usages forgets how the attempt was served, which decides its rates.</summary>
    private decimal? Spend(RequestCompleted request, Attempt attempt, TokenUsage adjusted)
    {
        var served = attempt.Usage ?? new TokenUsage();
        var usage = served + adjusted;
        usage = usage with { ServiceTier = served.ServiceTier, InferenceGeo = served.InferenceGeo, Speed = served.Speed };
        var spend = book.Spend(attempt.ProviderModel ?? "", usage, request.AdmittedAt, attempt.CostMultiplier);
        leftOut = spend is null ? leftOut with { NoPrice = leftOut.NoPrice + 1 } : leftOut;
        return spend;
    }

    private void Row(RequestCompleted request, string model, Func<RerateRow, RerateRow> add)
    {
        var tenant = request.TenantId ?? "";
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, (tenant, model), out _);
        row = add(row ?? new RerateRow(tenant, model));
    }

    private static SpendAdjusted Adjustment(ExportedRequest row, List<AdjustmentLine> lines, RerateOrder order) => new()
    {
        AdjustmentId = SpendAdjusted.IdOf(row.Request.RequestId, row.Adjustments.Ordinal + 1),
        RequestId = row.Request.RequestId,
        Ordinal = row.Adjustments.Ordinal + 1,
        TenantId = row.Request.TenantId,
        KeyId = row.Request.KeyId,
        AdmittedAt = row.Request.AdmittedAt,
        Kind = AdjustmentKind.ReRating,
        Reason = order.Reason,
        By = order.By,
        AdjustedAt = order.At,
        Lines = lines,
    };

    private static async Task AcceptAsync(EventIntake intake, List<EventRecord> events, CancellationToken cancellationToken)
    {
        if (await intake.AcceptAsync(events, cancellationToken) is [var refused, ..])
        {
            throw new InvalidOperationException($"The {refused.Event.Type} {refused.Event.Id} cannot be stored: {refused.Reason}.");
        }
    }

    private RerateReport Report(LedgerExport ledger, long? adjusted) => new(
        book.Version,
        ledger.Question.From,
        ledger.Question.To,
        [.. rows.Values.OrderBy(row => row.Tenant, StringComparer.Ordinal).ThenBy(row => row.Model, StringComparer.Ordinal)],
        leftOut,
        differ,
        adjusted);
}
