using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Telemetry;
using CCGate.Proxy.Tenants;
using CCGate.Proxy.Upstreams;
using CCGate.Proxy.Usage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Pipeline;

/// <summary>One client request from arrival to settlement. Read this file first.</summary>
internal sealed partial class GatewayPipeline(
    ApiKeyAuthenticator authenticator, ModelAccess access, QuotaLedger quotas, AttemptPlanner planner, UpstreamForwarder forwarder,
    UsageJournal journal, ConfigSource config, ProxyIdentity identity, GatewayTelemetry telemetry, AffinityStatistics affinity, TimeProvider time, ILogger<GatewayPipeline> logger)
{
    public Task HandleAsync(HttpContext http, ISurface surface, CallKind kind) => AnswerAsync(http, surface, observed => RunAsync(http, surface, kind, observed));

    /// <summary>Runs what answers a request; when it refuses, the surface words that, here and nowhere else.</summary>
    public async Task AnswerAsync(HttpContext http, ISurface surface, Func<RequestTelemetry, Task> answer)
    {
        var requestId = Guid.CreateVersion7(time.GetUtcNow());
        var observed = telemetry.Begin(http, surface, requestId);
        http.Response.Headers[GatewayHeaders.RequestId] = requestId.ToString();
        try
        {
            await answer(observed);
        }
        catch (RefusedException refused) when (!http.Response.HasStarted)
        {
            observed.Refused(refused.Refusal);
            http.Response.Headers[GatewayHeaders.RequestId] = requestId.ToString(); // YARP clears the response when an answer breaks off before its first byte.
            await surface.WriteRefusalAsync(http, refused.Refusal, config.Current.Server.BudgetStatus);
        }
        catch (BadHttpRequestException bad) when (!http.Response.HasStarted)
        {
            var refusal = new Refusal(RefusalReason.InvalidRequest, $"The request is not valid HTTP: {bad.Message}");
            observed.Refused(refusal);
            await surface.WriteRefusalAsync(http, refusal, config.Current.Server.BudgetStatus);
        }
        catch (Exception error) when (http.RequestAborted.IsCancellationRequested && error is OperationCanceledException or IOException)
        {
            // The client left before anything was forwarded for it: nobody is there to answer.
            LogLeft(requestId);
        }
        catch
        {
            observed.Broke();
            throw;
        }
        finally
        {
            observed.Ended();
        }
    }

    private async Task RunAsync(HttpContext http, ISurface surface, CallKind kind, RequestTelemetry observed)
    {
        // 1. One snapshot of the configuration and one instant decide the whole request.
        var snapshot = config.Current;
        var admittedAt = time.GetUtcNow();

        // 2. Who is it, what do they want, may they?
        var payer = authenticator.Authenticate(http.Request);                                                            // 401 403
        observed.Identified(payer);
        var call = await surface.ReadAsync(http.Request, kind, snapshot.Server.MaxBodyBytes, http.RequestAborted);       // 400 413
        using var body = call.Body;
        call = access.Rename(call, payer.Tenant, snapshot, admittedAt);
        observed.Understood(call);
        var route = access.Resolve(call, payer.Tenant, snapshot.Prices, admittedAt);                                     // 403 404
        if (kind == CallKind.TokenCount)
        {
            // Counting is free: forwarded like any call where an upstream counts in the client's protocol, but neither held, recorded nor billed.
            await AttemptAsync(observed, call, planner.Start(route.In(call.Upstreams), call, payer.Tenant, snapshot, admittedAt), billing: null, []);
            await EstimateUncountedAsync(http, surface, call);
            return;
        }

        route = call.Translations.Carried(route);                                                                         // 400

        // 3. Can they afford it? The hold is the most the call can cost wherever it may go.
        var limits = quotas.PathOf(payer);
        route = HoldPricing.Affordable(route, limits, snapshot.Prices, admittedAt);                                // 403
        var hold = HoldPricing.Estimate(route, call, payer.Tenant, snapshot.Prices, admittedAt, AttemptPlanner.MaxAttempts(route, snapshot.LoadBalancer));
        using var reservation = await quotas.ReserveAsync(limits, hold, call.SessionId, admittedAt, http.RequestAborted); // 402 429 503
        var exchange = new Exchange(http, surface, observed.RequestId, admittedAt, payer, call, route, snapshot.Prices, reservation) { TraceParent = observed.Trace?.TraceParent };

        // 4. On disk before it is forwarded.
        var completed = Settlement.Interrupted(exchange, identity.Instance);
        using (RequestTrace.Start("journal open"))
        {
            await journal.OpenAsync(completed, http.RequestAborted);                                                     // 503
        }

        GatewayHeaders.Write(http.Response.Headers, reservation);

        // 5. Try upstreams until one answers or the answer has begun.
        var outcomes = new List<AttemptOutcome>(capacity: 1);
        var plan = planner.Start(route, call, payer.Tenant, snapshot, admittedAt);
        try
        {
            var billing = new AttemptBilling(snapshot.Prices, admittedAt, reservation.MaxOutputTokens, attempt => reservation.Settle(observed.RequestId, Settlement.Owed(Settlement.Billed([.. outcomes.Select(outcome => outcome.Attempt), attempt], snapshot.Prices, admittedAt), reservation.Held)))
            {
                Abort = payer.Tenant.Abort ?? snapshot.Server.Abort,
            };
            await AttemptAsync(observed, call, plan, billing, outcomes);
            completed = Settlement.Complete(exchange, outcomes, identity.Instance, time.GetUtcNow());
            affinity.Record(plan.Affinity, completed.Usage);
        }
        finally
        {
            // 6. The client may be gone by now. What was consumed is still owed, so settling takes no token, and happens even when this code is at fault.
            await SettleAsync(exchange, completed, observed);
        }

        // 7. Nobody answered: the gateway has to.
        RefuseUnanswered(http, plan, outcomes);                                                                          // 429 503 529
    }

    private async Task SettleAsync(Exchange exchange, RequestCompleted completed, RequestTelemetry observed)
    {
        exchange.Reservation.Settle(exchange.RequestId, Settlement.Owed(completed));
        using (RequestTrace.Start("journal complete"))
        {
            await journal.CompleteAsync(completed);
        }

        observed.Settled(completed);
    }

    private async Task<List<AttemptOutcome>> AttemptAsync(RequestTelemetry observed, Call call, AttemptPlan plan, AttemptBilling? billing, List<AttemptOutcome> outcomes)
    {
        var http = observed.Http;
        observed.Planned(plan);

        // When nobody waits for the answer, what is not asked for is not owed.
        while (!http.RequestAborted.IsCancellationRequested && await NextAsync(http, plan) is { } turn)
        {
            var request = new AttemptRequest(http, observed.Surface, call, turn, billing);
            observed.Asking();
            AttemptOutcome[] ended = plan.HedgeAfter is { } delay && billing is not null && !turn.IsLast ? await RaceAsync(plan, request, delay) : [await SendAsync(plan, request)];
            foreach (var outcome in ended)
            {
                outcomes.Add(outcome);
                observed.Attempted(outcome);
            }

            if (outcomes[^1].Answered || http.Response.HasStarted)
            {
                break;
            }
        }

        return outcomes;
    }

    private async Task<AttemptOutcome> SendAsync(AttemptPlan plan, AttemptRequest request)
    {
        AttemptOutcome? outcome = null;
        using var span = telemetry.StartAttempt(request);
        try
        {
            return outcome = await forwarder.SendAsync(request);
        }
        finally
        {
            span?.Ended(outcome);
            plan.Finish(request.Turn, outcome);
        }
    }

    /// <summary>One upstream, and when it has not begun to answer after the delay, another one as well; the one that answered comes last.</summary>
    private async Task<AttemptOutcome[]> RaceAsync(AttemptPlan plan, AttemptRequest request, TimeSpan delay)
    {
        using var race = new AttemptRace(request.Http);
        var first = SendAsync(plan, request.In(race, request.Turn));
        await ((Task)first).WaitAsync(delay, time, race.Decided).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (first.IsCompleted || !race.TryHedge() || plan.Hedge(request.Turn, delay) is not { } other)
        {
            return [await first];
        }

        var outcomes = await Task.WhenAll(first, SendAsync(plan, request.In(race, other)));
        Array.Sort(outcomes, (left, right) => left.Answered.CompareTo(right.Answered));
        return outcomes;
    }

    private static async ValueTask<AttemptTurn?> NextAsync(HttpContext http, AttemptPlan plan)
    {
        try
        {
            return await plan.NextAsync(http.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            return null; // The client left while its request waited for a place.
        }
    }

    /// <summary>A count that no upstream gave is the gateway's, and says that it is an estimate.</summary>
    private static async Task EstimateUncountedAsync(HttpContext http, ISurface surface, Call call)
    {
        if (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            http.Response.Headers[GatewayHeaders.Estimated] = "true";
            http.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(http.Response.BodyWriter);
            surface.WriteTokenCount(call.LikelyPromptTokens, json);
        }
    }

    private static void RefuseUnanswered(HttpContext http, AttemptPlan plan, List<AttemptOutcome> outcomes)
    {
        if (http.Response.HasStarted || http.RequestAborted.IsCancellationRequested || outcomes.Exists(outcome => outcome.Answered))
        {
            return;
        }

        var (unavailable, retryAfter) = plan.Unavailable();
        var tried = string.Join("; ", outcomes.Select(outcome => $"{outcome.Attempt.UpstreamId}: {outcome.Attempt.Failure}").Append(unavailable).Where(text => text.Length > 0).Distinct());
        var reason = outcomes.Count == 0 ? RefusalReason.NoUpstream
            : outcomes.TrueForAll(outcome => outcome.Attempt.StatusCode == 529) ? RefusalReason.Overloaded
            : outcomes.TrueForAll(outcome => outcome.Attempt.StatusCode == 429) ? RefusalReason.RateLimited
            : RefusalReason.NoUpstream;
        throw new RefusedException(new Refusal(reason, reason == RefusalReason.Overloaded ? $"All upstreams are overloaded ({tried})." : $"No upstream answered ({tried}).{KeysToCheck(outcomes)}") { RetryAfter = retryAfter });
    }

    /// <summary>The client cannot help it that an upstream refused the gateway's key: who can is told which.</summary>
    private static string KeysToCheck(List<AttemptOutcome> outcomes)
    {
        var refused = outcomes.Where(outcome => AttemptTransformer.RefusesCredential(outcome.Attempt.StatusCode)).Select(outcome => outcome.Attempt.UpstreamId).Distinct().ToList();
        return refused.Count == 0 ? "" : $" The gateway's operator has to check the key of {string.Join(" and ", refused)} in upstreams.json.";
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Request {RequestId}: the client left before anything was forwarded")]
    private partial void LogLeft(Guid requestId);
}
