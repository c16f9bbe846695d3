using CCGate.Contracts;
using CCGate.Metering.EventStore;
using CCGate.Projections.Billing;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Explanation;

/// <summary>Explains a charge from the ledger alone: the request, its adjustments, and the price books they name.</summary>
internal sealed class RequestExplainer(IEventStore store)
{
    /// <summary>Null when there is no such request.</summary>
    /// <exception cref="UnreadableEventException">An event that the amount is made of cannot be read.</exception>
    public async Task<RequestExplanation?> ExplainAsync(Guid requestId, CancellationToken cancellationToken)
    {
        if (await store.FindAsync(requestId, cancellationToken) is not { Type: EventTypes.RequestCompleted } stored)
        {
            return null;
        }

        var request = StoredJson.Read(stored, ContractsJson.Default.RequestCompleted);
        var adjustments = await AdjustmentsAsync(requestId, cancellationToken);
        var attempts = request.Attempts ?? [];
        var versions = attempts.Select(attempt => attempt.PriceVersion).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var books = versions.Count == 0
            ? []
            : await PriceStream.ReadAsync(store, cancellationToken).Select(published => published.Book).Where(book => versions.Contains(book.Version)).ToListAsync(cancellationToken);
        return Explain(request, [.. attempts.Select(attempt => Explain(request, attempt, books))], [.. adjustments.Select(Explain)]);
    }

    /// <summary>Their ids follow from the request's, one after the other, so nothing has to be searched.</summary>
    private async Task<List<SpendAdjusted>> AdjustmentsAsync(Guid requestId, CancellationToken cancellationToken)
    {
        var adjustments = new List<SpendAdjusted>();
        while (await store.FindAsync(SpendAdjusted.IdOf(requestId, adjustments.Count + 1), cancellationToken) is { Type: EventTypes.SpendAdjusted } stored)
        {
            adjustments.Add(StoredJson.Read(stored, ContractsJson.Default.SpendAdjusted));
        }

        return adjustments;
    }

    private static RequestExplanation Explain(
        RequestCompleted request, IReadOnlyList<AttemptExplanation> attempts, IReadOnlyList<AdjustmentExplanation> adjustments)
    {
        var (charged, adjusted) = (attempts.Sum(attempt => attempt.SpendUsd), adjustments.Sum(adjustment => adjustment.SpendUsd));
        return new RequestExplanation
        {
            RequestId = request.RequestId,
            Tenant = request.TenantId,
            Key = request.KeyId,
            Session = request.SessionId,
            Surface = request.Surface,
            RequestedModel = request.RequestedModel,
            Streaming = request.Streaming,
            Outcome = request.Outcome.ToString(),
            AdmittedAt = request.AdmittedAt,
            CompletedAt = request.CompletedAt,
            ProxyInstance = request.ProxyInstance,
            ImportedFrom = request.ImportedFrom,
            HeldUsd = request.HeldUsd,
            HeldTokens = request.HeldTokens,
            UnsettledUsd = (request.UnsettledUsd ?? 0) - adjustments.Sum(adjustment => adjustment.ReleasedUsd),
            UnsettledTokens = (request.UnsettledTokens ?? 0) - adjustments.Sum(adjustment => adjustment.ReleasedTokens),
            Attempts = attempts,
            Adjustments = adjustments,
            ChargedUsd = charged,
            AdjustedUsd = adjusted,
            TotalUsd = charged + adjusted,
        };
    }

    private static AttemptExplanation Explain(RequestCompleted request, Attempt attempt, IReadOnlyList<PriceBook> books)
    {
        var (price, note) = Price(request, attempt, books);
        return new AttemptExplanation
        {
            Number = attempt.Number,
            Upstream = attempt.UpstreamId,
            UpstreamKeyHint = attempt.UpstreamKeyHint,
            ProviderModel = attempt.ProviderModel,
            StartedAt = attempt.StartedAt,
            FirstByteAt = attempt.FirstByteAt,
            EndedAt = attempt.EndedAt,
            StatusCode = attempt.StatusCode,
            Failure = attempt.Failure,
            Reason = attempt.Reason,
            Usage = attempt.Usage ?? new TokenUsage(),
            UsageState = attempt.UsageState.ToString(),
            PriceVersion = attempt.PriceVersion,
            Price = price,
            Note = note,
            SpendUsd = attempt.SpendUsd,
        };
    }

    /// <summary>Two proxies may have published different books under one version; the one that gives the amount is the one that was used.</summary>
    private static (PriceExplanation? Price, string? Note) Price(RequestCompleted request, Attempt attempt, IReadOnlyList<PriceBook> books)
    {
        if (attempt.PriceVersion is null)
        {
            return (null, "No price was found for the model, so nothing is charged.");
        }

        if (request.ImportedFrom is { } origin)
        {
            return (null, $"The amount is the one that {origin} recorded.");
        }

        var prices = books
            .Where(book => book.Version == attempt.PriceVersion)
            .Select(book => book.Find(attempt.ProviderModel ?? "", request.AdmittedAt)?.Explain(attempt.Usage ?? new TokenUsage(), attempt.CostMultiplier))
            .OfType<PriceExplanation>()
            .ToList();
        return prices.Find(price => price.SpendUsd == attempt.SpendUsd) is { } exact ? (exact, null)
            : prices is [var other, ..] ? (other, "The amount that was charged is not the one that the price gives; 'ccgate billing verify' reports it.")
            : (null, $"No published price book of version {attempt.PriceVersion} has a price for the model; 'ccgate billing verify' reports it.");
    }

    private static AdjustmentExplanation Explain(SpendAdjusted adjusted) => new()
    {
        Ordinal = adjusted.Ordinal,
        Kind = adjusted.Kind.ToString(),
        Reason = adjusted.Reason,
        By = adjusted.By,
        AdjustedAt = adjusted.AdjustedAt,
        Lines = adjusted.Lines ?? [],
        SpendUsd = (adjusted.Lines ?? []).Sum(line => line.SpendUsd),
        ReleasedUsd = adjusted.ReleasedUsd,
        ReleasedTokens = adjusted.ReleasedTokens,
    };
}
