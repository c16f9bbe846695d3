using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Upstreams;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Pipeline;

/// <summary>What became of a request, as the fact the bill is made of.</summary>
internal static class Settlement
{
    /// <summary>What is true if this process dies from here on: an upstream was called, and what it had been told was read.</summary>
    public static RequestCompleted Interrupted(Exchange exchange, string instance)
    {
        var upstream = exchange.Route.Upstreams[0];
        var request = new AttemptRequest(
            exchange.Http, exchange.Surface, exchange.Call, new AttemptTurn(upstream, Key: null, Number: 1, IsLast: true, Reason: ""), new AttemptBilling(exchange.Prices, exchange.AdmittedAt, exchange.Reservation.MaxOutputTokens, _ => { }));
        var attempt = new Attempt
        {
            Number = 1,
            UpstreamId = upstream.Config.Id,
            ProviderModel = request.ProviderModel,
            StartedAt = exchange.AdmittedAt,
            EndedAt = exchange.AdmittedAt,
            Failure = "gateway: interrupted",
            CostMultiplier = upstream.Config.CostMultiplier,
        };
        attempt = Priced(attempt, request, new MeteredUsage(LikelyInput(request.Call), UsageState.Estimated, null, Ended: false, null));
        return Event(exchange, [attempt], RequestOutcome.Interrupted, instance, exchange.AdmittedAt);
    }

    public static RequestCompleted Complete(Exchange exchange, List<AttemptOutcome> outcomes, string instance, DateTimeOffset now) =>
        Event(exchange, Billed([.. outcomes.Select(outcome => outcome.Attempt)], exchange.Prices, exchange.AdmittedAt), OutcomeOf(outcomes, exchange.ClientLeft), instance, now) with { Abort = AbortOf(outcomes, exchange.ClientLeft) };

    /// <summary>Gives an attempt its usage and its price. What nobody reported is decided here, once.</summary>
    public static Attempt Price(Attempt attempt, AttemptRequest request, AttemptFailure failure, MeteredUsage? metered, bool wasSent) => Priced(attempt, request, failure switch
    {
        // No provider bills a request it never read, or one it answered with an error.
        _ when !wasSent || failure is AttemptFailure.UpstreamUnreachable or AttemptFailure.UpstreamError => new MeteredUsage(new TokenUsage(), UsageState.KnownZero, null, Ended: false, null),

        // It was read, and left alone before anybody could say what that costs. Never zero by accident.
        AttemptFailure.ClientAborted or AttemptFailure.Outrun or AttemptFailure.UpstreamTimeout when metered is null or { State: UsageState.Unknown } =>
            new MeteredUsage(LikelyInput(request.Call) with { OutputTokens = metered?.Usage.OutputTokens ?? 0 }, UsageState.Estimated, metered?.Model, Ended: false, metered?.StreamError),

        // It answered, and nothing it said can be read as usage: nobody knows, and the hold stays until somebody does.
        _ when metered is null or { State: UsageState.Unknown } =>
            new MeteredUsage(new TokenUsage(), UsageState.Unknown, metered?.Model, Ended: false, metered?.StreamError, metered?.Doubt),
        _ => metered,
    });

    /// <summary>A model that was asked for advice on an answer has a price of its own, so its part is an attempt of its own before the one that answered.</summary>
    public static Attempt[] Billed(IReadOnlyList<Attempt> attempts, PriceBook prices, DateTimeOffset admittedAt)
    {
        var number = attempts.Count;
        return [.. attempts.SelectMany(attempt => AnthropicUsage.Advice(attempt.Usage).Select(advice => AdviceOn(attempt, advice)).Append(attempt))];

        Attempt AdviceOn(Attempt attempt, (string? Model, TokenUsage Usage) advice)
        {
            // A model that has no price is billed as the one that asked it: never zero by accident.
            var isPriced = advice.Model is not null && prices.Find(advice.Model, admittedAt) is not null;
            var served = isPriced ? advice.Model! : attempt.ProviderModel;
            return attempt with
            {
                Number = ++number,
                Reason = $"advised {attempt.ProviderModel}",
                ProviderModel = served,
                Usage = advice.Usage,
                UsageState = isPriced ? attempt.UsageState : UsageState.Estimated,
                SpendUsd = prices.Spend(served, advice.Usage, admittedAt, attempt.CostMultiplier) ?? 0m,
            };
        }
    }

    /// <summary>What attempts take of the limits: what they used, and where nobody knows that, the whole hold until somebody does.</summary>
    public static Amounts Owed(IReadOnlyCollection<Attempt> attempts, Amounts held) =>
        HasUnknown(attempts) ? Amounts.Max(Used(attempts), held) : Used(attempts);

    /// <summary>The same of a request that was written down.</summary>
    public static Amounts Owed(RequestCompleted completed) => new(
        Picodollars.FromUsd(completed.SpendUsd + (completed.UnsettledUsd ?? 0m)), completed.Usage.TotalTokens + (completed.UnsettledTokens ?? 0), Requests: 1);

    private static Amounts Used(IReadOnlyCollection<Attempt> attempts) =>
        new(attempts.Sum(attempt => Picodollars.FromUsd(attempt.SpendUsd)), attempts.Sum(attempt => attempt.Usage.TotalTokens), Requests: 1);

    private static bool HasUnknown(IReadOnlyCollection<Attempt> attempts) => attempts.Any(attempt => attempt.UsageState == UsageState.Unknown);

    private static TokenUsage LikelyInput(Call call) => new() { InputTokens = call.LikelyPromptTokens };

    private static Attempt Priced(Attempt attempt, AttemptRequest request, MeteredUsage metered)
    {
        var billing = request.Billing!;

        // The model that was served is the one priced; a mirror that calls it by a name nobody has a price for served what it was asked for.
        var served = metered.Model is { } model && billing.Prices.Find(model, billing.AdmittedAt) is not null ? model : attempt.ProviderModel;
        var spend = billing.Prices.Spend(served, metered.Usage, billing.AdmittedAt, attempt.CostMultiplier);
        return attempt with
        {
            ProviderModel = served,
            Usage = metered.Usage,
            UsageState = metered.State,
            PriceVersion = spend is null ? null : billing.Prices.Version,
            SpendUsd = spend ?? 0m,
        };
    }

    private static RequestOutcome OutcomeOf(List<AttemptOutcome> outcomes, bool clientLeft) => outcomes is [.., { Failure: var last }]
        ? last switch
        {
            AttemptFailure.None => outcomes[^1].Abort is null ? RequestOutcome.Succeeded : RequestOutcome.ClientAborted,
            AttemptFailure.ClientAborted => RequestOutcome.ClientAborted,
            AttemptFailure.UpstreamTruncated => RequestOutcome.UpstreamTruncated,
            _ => RequestOutcome.Failed,
        }
        : clientLeft ? RequestOutcome.ClientAborted : RequestOutcome.Failed;

    /// <summary>A client that left before an upstream was called cancelled everything.</summary>
    private static string? AbortOf(List<AttemptOutcome> outcomes, bool clientLeft) =>
        (outcomes is [.., var last] ? last.Abort : clientLeft ? AbortPolicy.Cancel : null) switch { AbortPolicy.Drain => "drain", AbortPolicy.Cancel => "cancel", _ => null };

    private static RequestCompleted Event(Exchange exchange, IReadOnlyList<Attempt> attempts, RequestOutcome outcome, string instance, DateTimeOffset now)
    {
        var used = Used(attempts);
        var unsettled = Owed(attempts, exchange.Reservation.Held) - used;
        return new RequestCompleted
        {
            RequestId = exchange.RequestId,
            TenantId = exchange.Tenant.Id,
            KeyId = exchange.Payer.Key.Id,
            SessionId = exchange.Call.SessionId,
            Surface = exchange.Surface.Name,
            RequestedModel = exchange.Call.Model,
            Streaming = exchange.Call.Streaming,
            AdmittedAt = exchange.AdmittedAt,
            CompletedAt = now,
            Outcome = outcome,
            Attempts = attempts,
            Usage = attempts.Aggregate(new TokenUsage(), (sum, attempt) => sum + attempt.Usage),
            HeldUsd = Picodollars.ToUsd(exchange.Reservation.Held.Pico),
            HeldTokens = exchange.Reservation.Held.Tokens,
            SpendUsd = Picodollars.ToUsd(used.Pico),
            UnsettledUsd = HasUnknown(attempts) ? Picodollars.ToUsd(unsettled.Pico) : null,
            UnsettledTokens = HasUnknown(attempts) ? unsettled.Tokens : null,
            TraceParent = exchange.TraceParent,
            ProxyInstance = instance,
        };
    }
}
