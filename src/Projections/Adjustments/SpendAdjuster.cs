using System.Globalization;
using CCGate.Contracts;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Projections.Billing;

namespace CCGate.Projections.Adjustments;

/// <summary>Changes a charge by adding to the ledger what an operator says.</summary>
internal sealed class SpendAdjuster(IEventStore store, TimeProvider time)
{
    private const int PageSize = 100;

    /// <exception cref="AdjustmentRefusedException">It cannot be made.</exception>
    public async Task<AdjustmentAnswer> AdjustAsync(AdjustmentRequest asked, string by, CancellationToken cancellationToken)
    {
        Check(asked);
        var history = await RequestHistory.ReadAsync(store, asked.RequestId, cancellationToken)
            ?? throw new AdjustmentRefusedException(AdjustmentRefusal.UnknownRequest, $"There is no request {asked.RequestId} in the ledger.");
        var adjusted = asked.Kind == "settlement" ? await SettleAsync(history, asked, cancellationToken) : Correct(history, asked);
        adjusted = adjusted with
        {
            AdjustmentId = SpendAdjusted.IdOf(asked.RequestId, history.NextOrdinal),
            RequestId = asked.RequestId,
            Ordinal = history.NextOrdinal,
            TenantId = history.Request.TenantId,
            KeyId = history.Request.KeyId,
            AdmittedAt = history.Request.AdmittedAt,
            Reason = asked.Reason.Trim(),
            By = by,
            AdjustedAt = time.GetUtcNow(),
        };
        await AppendAsync(adjusted, cancellationToken);

        var added = adjusted.Lines.Sum(line => line.SpendUsd);
        var warning = asked.Kind == "settlement" && added > history.UnsettledUsd
            ? string.Create(CultureInfo.InvariantCulture, $"{added} USD is more than the {history.UnsettledUsd} USD that were held: the limits may be exceeded by the difference.")
            : null;
        return new AdjustmentAnswer(asked.RequestId, adjusted.Ordinal, added, history.TotalUsd + added, adjusted.ReleasedUsd, warning);
    }

    private static void Check(AdjustmentRequest asked)
    {
        if (asked.Kind is not ("settlement" or "correction"))
        {
            throw Invalid("The kind is 'settlement' or 'correction'.");
        }

        if (string.IsNullOrWhiteSpace(asked.Reason))
        {
            throw Invalid("Give a reason: it is all that a reader of the bill will know.");
        }

        if (asked.Usd is { } usd && (Math.Abs(usd) > 1_000_000m || usd * Picodollars.PerUsd != decimal.Truncate(usd * Picodollars.PerUsd)))
        {
            throw Invalid("The amount is not a number of USD up to 1,000,000 with at most 12 decimals.");
        }
    }

    private async Task<SpendAdjusted> SettleAsync(RequestHistory history, AdjustmentRequest asked, CancellationToken cancellationToken)
    {
        if ((asked.Usd is null) == (asked.Tokens is null))
        {
            throw Invalid("Say what the request owes, in USD or in tokens, and not both.");
        }

        var tokens = asked.Tokens ?? new AdjustmentTokens(0, 0);
        if (asked.Usd < 0 || Math.Min(Math.Min(tokens.Input, tokens.Output), Math.Min(tokens.CacheRead, Math.Min(tokens.CacheWrite5m, tokens.CacheWrite1h))) < 0)
        {
            throw Invalid("What a request owes is not negative.");
        }

        if (!history.IsUnsettled)
        {
            throw new AdjustmentRefusedException(
                AdjustmentRefusal.Conflict, $"Nothing is unsettled of request {asked.RequestId}; change its charge with 'ccgate billing correct'.");
        }

        var attempt = history.UnknownAttempt!;
        var line = new AdjustmentLine { Attempt = attempt.Number, UpstreamId = attempt.UpstreamId, ProviderModel = attempt.ProviderModel };
        line = asked.Usd is { } usd ? line with { SpendUsd = usd } : line with
        {
            Usage = tokens.Usage,
            SpendUsd = await PriceAsync(attempt with { Usage = tokens.Usage }, history.Request.AdmittedAt, cancellationToken),
            PriceVersion = attempt.PriceVersion,
        };

        // What is held stands with the last attempt, and is released there.
        var last = history.Request.Attempts[^1];
        return new SpendAdjusted
        {
            Kind = AdjustmentKind.Settlement,
            Lines = last.Number == attempt.Number ? [line] : [line, new AdjustmentLine { Attempt = last.Number, UpstreamId = last.UpstreamId, ProviderModel = last.ProviderModel }],
            ReleasedUsd = history.UnsettledUsd,
            ReleasedTokens = history.UnsettledTokens,
        };
    }

    /// <summary>A correction is of the request, not of an attempt: other prices applied later leave it alone.</summary>
    private static SpendAdjusted Correct(RequestHistory history, AdjustmentRequest asked)
    {
        if (asked.Tokens is not null || asked.Usd is not { } usd || usd == 0)
        {
            throw Invalid("Say in USD what is added to the charge, or taken from it.");
        }

        if (history.TotalUsd + usd < 0)
        {
            throw Invalid(string.Create(CultureInfo.InvariantCulture, $"The request costs {history.TotalUsd} USD: no more than that can be taken back."));
        }

        var last = history.Request.Attempts.Count > 0 ? history.Request.Attempts[^1] : null;
        return new SpendAdjusted
        {
            Kind = AdjustmentKind.Correction,
            Lines = [new AdjustmentLine { UpstreamId = last?.UpstreamId ?? "", ProviderModel = last?.ProviderModel ?? history.Request.RequestedModel, SpendUsd = usd }],
        };
    }

    /// <summary>At the prices of the event: what the provider charged is decided by the instant of admission.</summary>
    private async Task<decimal> PriceAsync(Attempt attempt, DateTimeOffset admittedAt, CancellationToken cancellationToken)
    {
        var prices = new PublishedPrices();
        IReadOnlyList<StoredEvent> page = [];
        do
        {
            page = await store.ReadStreamAsync("prices", page.Count == 0 ? 0 : page[^1].Version, PageSize, cancellationToken);
            foreach (var stored in page)
            {
                prices.Add(stored);
            }
        }
        while (page.Count == PageSize);

        return prices.Spend(attempt, admittedAt) is [var price, ..]
            ? price
            : throw Invalid($"The ledger has no price of '{attempt.ProviderModel}' for that request: say what it owes in USD.");
    }

    /// <summary>The id is the request's next one: of two who adjust it at the same moment, the ledger takes one.</summary>
    private async Task AppendAsync(SpendAdjusted adjusted, CancellationToken cancellationToken)
    {
        // One of its own, because it counts what it stored.
        var intake = new EventIntake(store);
        if (await intake.AcceptAsync([EventRecord.From(adjusted)], cancellationToken) is [var rejected, ..])
        {
            throw Invalid($"The ledger does not take it: {rejected.Reason}.");
        }

        if (intake.Stored == 0)
        {
            throw new AdjustmentRefusedException(
                AdjustmentRefusal.Conflict, $"Somebody else adjusted request {adjusted.RequestId} at the same moment. Nothing was changed here: look at it, and say it again.");
        }
    }

    private static AdjustmentRefusedException Invalid(string message) => new(AdjustmentRefusal.Invalid, message);
}
