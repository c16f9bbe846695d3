using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Usage;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace CCGate.Proxy.Upstreams;

/// <summary>What one attempt is billed by; null for what is free.</summary>
/// <param name="Prices">The book in force at admission.</param>
/// <param name="AdmittedAt">The instant that chooses the price.</param>
/// <param name="MaxOutputTokens">The token limit that the hold pays for.</param>
/// <param name="Settle">Told what the attempt owes as soon as that is known, before the client has all of the answer.</param>
internal sealed record AttemptBilling(PriceBook Prices, DateTimeOffset AdmittedAt, long MaxOutputTokens, Action<Attempt> Settle)
{
    /// <summary>What becomes of the answer when the client leaves.</summary>
    public AbortPolicy Abort { get; init; }

    /// <summary>The limit where it is below what the client asked for.</summary>
    public long? LimitBelow(long asked) => MaxOutputTokens == asked ? null : MaxOutputTokens;
}

/// <summary>One try of one upstream, before it is made.</summary>
internal sealed record AttemptRequest(HttpContext Http, ISurface Surface, Call Call, AttemptTurn Turn, AttemptBilling? Billing)
{
    public Upstream Upstream => Turn.Upstream;

    /// <summary>The other attempt there may be for the same answer.</summary>
    public AttemptRace? Race { get; private init; }

    /// <summary>Null when the upstream speaks the client's protocol.</summary>
    public TranslatedCall? Translation { get; } = Call.Translations.For(Turn.Upstream.Config.Kind, Turn.Upstream.ProviderModel(Call.Model), Billing?.LimitBelow(Call.MaxOutputTokens));

    public AttemptRequest In(AttemptRace race, AttemptTurn turn) => new(race.Enter(), Surface, Call, turn, Billing) { Race = race };

    public string ProviderModel { get; } = Turn.Upstream.ProviderModel(Call.Model);

    /// <summary>What is free is not worth reading to its end.</summary>
    public AbortPolicy Abort => Billing?.Abort ?? AbortPolicy.Cancel;
}

/// <summary>Sends a call to one upstream and its answer back, byte for byte, and says what became of it and what it cost.</summary>
internal sealed partial class UpstreamForwarder(IHttpForwarder forwarder, Drains drains, TimeProvider time, ILogger<UpstreamForwarder> logger)
{
    /// <summary>By which YARP's timer is later than the clock, so that the clock says what it was.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    public async Task<AttemptOutcome> SendAsync(AttemptRequest request)
    {
        var http = request.Http;
        var upstream = request.Upstream.Config;
        var client = ClientPresence.Of(http);
        using var drain = Drain.For(http, request.Abort, client, drains);
        var startedAt = time.GetUtcNow();

        // 1. An attempt before may have read the body: each gets the client's bytes anew, with its own name for the model.
        var body = request.Translation?.Body ?? request.Call.Body.With(
            request.ProviderModel == request.Call.NamedModel ? null : request.ProviderModel, request.Billing?.LimitBelow(request.Call.MaxOutputTokens));
        var bodyStream = new ReadOnlyMemoryStream(body);
        http.Request.Body = bodyStream;
        http.Request.ContentLength = body.Length;

        // 2. The clock covers the wait for the upstream; YARP's own timer, which is later, a client that takes nothing.
        using var clock = new AttemptClock(upstream, time);
        using var lost = request.Race?.Decided.Register(() => StopLoser(request, clock));
        AttemptTransformer? transformer = null;
        transformer = new AttemptTransformer(request, clock, time, () => SettleEarly(request, transformer!.Meter!));
        var options = new ForwarderRequestConfig { ActivityTimeout = TimeSpan.FromTicks(Math.Max(upstream.FirstByteTimeout.Ticks, upstream.IdleTimeout.Ticks)) + Grace };

        // 3. Forward. YARP streams both ways, flushes what arrives, and aborts the client's connection when an answer breaks off.
        var error = await forwarder.SendAsync(http, upstream.Address, request.Upstream.Connections, options, transformer, clock.Token);
        bodyStream.TakeBack();
        transformer.Dispose();

        // 4. Who failed, if anybody?
        var metered = transformer.Meter?.Finish();
        var isDrained = Drain.IsApplied(drain);
        var failure = IsOutrun(transformer, clock, error) ? AttemptFailure.Outrun
            : FailureOf(client, isDrained, transformer, clock.Exceeded is not null && !http.Response.HasStarted, error, metered);
        var answered = http.Response.HasStarted || (transformer.IsAnswering && error is ForwarderError.None);
        if (!answered)
        {
            TakeBack(http.Response);
        }

        if (failure is not (AttemptFailure.None or AttemptFailure.Outrun))
        {
            LogFailed(upstream.Id, request.Turn.Number, failure, transformer.StatusCode, error);
        }

        // 5. What it consumed, at the price of the model that was served.
        var attempt = new Attempt
        {
            Number = request.Turn.Number,
            UpstreamId = upstream.Id,
            Reason = request.Turn.Reason,
            UpstreamKeyHint = request.Turn.KeyHint,
            ProviderModel = request.ProviderModel,
            StartedAt = startedAt,
            FirstByteAt = transformer.FirstByteAt,
            EndedAt = time.GetUtcNow(),
            StatusCode = transformer.StatusCode,
            Failure = failure is AttemptFailure.None ? DoubtOf(transformer.Meter, metered) : Describe(failure, transformer, clock.Exceeded, error, metered),
            CostMultiplier = upstream.CostMultiplier,
        };
        return new AttemptOutcome(
            request.Billing is null ? attempt : Settlement.Price(attempt, request, failure, metered, wasSent: bodyStream.WasRead),
            failure,
            answered)
        {
            Kind = upstream.Kind,
            Abort = AbortOf(isDrained, failure),
            RetryAfter = transformer.RetryAfter,
        };
    }

    private static void StopLoser(AttemptRequest request, AttemptClock clock)
    {
        if (request.Race!.IsLostBy(request.Http))
        {
            clock.Stop();
        }
    }

    /// <summary>A client that has the whole answer may send its next request before this one's code has come to its end: its hold must be gone by then.</summary>
    private static void SettleEarly(AttemptRequest request, AttemptMeter meter)
    {
        if (request.Race?.IsHedged == true)
        {
            return; // The other one's part is not known yet.
        }

        var attempt = new Attempt { ProviderModel = request.ProviderModel, CostMultiplier = request.Upstream.Config.CostMultiplier };
        request.Billing!.Settle(Settlement.Price(attempt, request, AttemptFailure.None, meter.Finish(), wasSent: true));
    }

    /// <summary>An answer that broke off before its first byte left its status and headers: the next attempt, or a refusal, begins without them.</summary>
    private static void TakeBack(HttpResponse response)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.HttpContext.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = null;
        foreach (var name in response.Headers.Keys.Where(name => !name.StartsWith(GatewayHeaders.Prefix, StringComparison.OrdinalIgnoreCase) || name == GatewayHeaders.Upstream).ToList())
        {
            response.Headers.Remove(name);
        }
    }

    private static bool IsOutrun(AttemptTransformer transformer, AttemptClock clock, ForwarderError error) =>
        transformer.IsOutrun || (clock.IsStopped && (error is not ForwarderError.None || transformer.GivenUp is AttemptFailure.UpstreamTimeout));

    private static AttemptFailure FailureOf(ClientPresence client, bool isDrained, AttemptTransformer transformer, bool isLate, ForwarderError error, MeteredUsage? metered)
    {
        if ((error is not ForwarderError.None || transformer.GivenUp is AttemptFailure.UpstreamTimeout) && client.HasLeft && !isDrained)
        {
            return AttemptFailure.ClientAborted;
        }

        if (transformer.StatusCode is null)
        {
            return error is ForwarderError.RequestTimedOut or ForwarderError.RequestCanceled ? AttemptFailure.UpstreamTimeout : AttemptFailure.UpstreamUnreachable;
        }

        if (transformer.StatusCode is < 200 or >= 300)
        {
            return AttemptFailure.UpstreamError;
        }

        if (transformer.GivenUp is not AttemptFailure.None)
        {
            return transformer.GivenUp;
        }

        if (error is ForwarderError.ResponseBodyClient)
        {
            return AttemptFailure.ClientAborted;
        }

        if (error is not ForwarderError.None || transformer.Complaint is not null)
        {
            return isLate ? AttemptFailure.UpstreamTimeout : AttemptFailure.UpstreamTruncated;
        }

        return metered switch
        {
            { StreamError: not null } => AttemptFailure.UpstreamStreamError,
            { Ended: false } when !transformer.Meter!.IsUnreadable => AttemptFailure.UpstreamTruncated,
            _ => AttemptFailure.None,
        };
    }

    private static AbortPolicy? AbortOf(bool isDrained, AttemptFailure failure) => isDrained ? AbortPolicy.Drain : failure is AttemptFailure.ClientAborted ? AbortPolicy.Cancel : null;

    private static string Describe(AttemptFailure failure, AttemptTransformer transformer, string? exceeded, ForwarderError error, MeteredUsage? metered) => failure switch
    {
        AttemptFailure.Outrun => "gateway: another upstream answered first",
        AttemptFailure.UpstreamTimeout => $"upstream: no answer in time ({exceeded ?? "timeouts.connectSeconds"})",
        not AttemptFailure.ClientAborted when transformer.Complaint is { } complaint => $"upstream: {complaint}",
        AttemptFailure.UpstreamUnreachable => $"upstream: unreachable ({error})",
        AttemptFailure.UpstreamError when AttemptTransformer.RefusesCredential(transformer.StatusCode) => $"upstream: status {transformer.StatusCode}, it refused the gateway's key",
        AttemptFailure.UpstreamError => $"upstream: status {transformer.StatusCode}",
        AttemptFailure.UpstreamTruncated when error is ForwarderError.None => "upstream: its answer ended too early",
        AttemptFailure.UpstreamTruncated => $"upstream: answer broke off ({exceeded ?? error.ToString()})",
        AttemptFailure.UpstreamStreamError => $"upstream: {metered?.StreamError} in place of an answer, or in the middle of it",
        _ => "client: left",
    };

    /// <summary>Why nobody knows what a good answer cost; null when somebody does.</summary>
    private static string? DoubtOf(AttemptMeter? meter, MeteredUsage? metered) => meter is { IsUnreadable: true } && metered?.Doubt is { } doubt ? $"upstream: {doubt}" : null;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Upstream {Upstream}, attempt {Number}: {Failure}, status {Status}, {Error}")]
    private partial void LogFailed(string upstream, int number, AttemptFailure failure, int? status, ForwarderError error);
}
