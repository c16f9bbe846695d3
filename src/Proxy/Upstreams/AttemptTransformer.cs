using System.Net;
using System.Net.Http.Headers;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Usage;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace CCGate.Proxy.Upstreams;

/// <summary>The two places where a forwarded request is not the client's: the credential on the way out, the failover decision on the way back.</summary>
internal sealed class AttemptTransformer(AttemptRequest request, AttemptClock clock, TimeProvider time, Action onEnd) : HttpTransformer, IDisposable
{
    // What the meter can decode. A client may accept more (zstd), but an answer nobody can count must not be asked for.
    private static readonly string[] MeterableEncodings = ["gzip", "deflate", "br", "identity"];

    private const int LargestError = 1024 * 1024;

    private Func<DateTimeOffset?>? firstByteAt;
    private AnswerOpening? opening;
    private StreamEnding? ending;

    public int? StatusCode { get; private set; }

    public TimeSpan? RetryAfter { get; private set; }

    /// <summary>This upstream's answer is the one for the client, whether or not a byte of it has been sent.</summary>
    public bool IsAnswering { get; private set; }

    /// <summary>It would have been, had another upstream not been faster.</summary>
    public bool IsOutrun { get; private set; }

    public AttemptMeter? Meter { get; private set; }

    public DateTimeOffset? FirstByteAt => opening?.FirstByteAt ?? firstByteAt?.Invoke();

    /// <summary>Why the answer, begun well with its status, was left to another upstream.</summary>
    public AttemptFailure GivenUp { get; private set; }

    /// <summary>What was wrong with the answer, in the words of the event, when no error of the forwarder tells it.</summary>
    public string? Complaint => opening?.Complaint ?? ending?.Reason;

    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        if (httpContext.Request.Body is ReadOnlyMemoryStream body)
        {
            proxyRequest.Options.Set(UpstreamConnections.Body, body);
        }

        var upstream = request.Upstream.Config;
        var target = request.Translation is { } translation
            ? Call.PathFor(translation.Upstream.PathFor(request.Call.Streaming), request.ProviderModel)
            : request.Call.PathFor(request.ProviderModel) + request.Call.Query;
        proxyRequest.RequestUri = new Uri(UpstreamRequest.Address(upstream, target));
        proxyRequest.Headers.Host = null;
        proxyRequest.Headers.Remove("Expect"); // The body is here already, and to wait for a leave to send it costs up to a second.
        foreach (var name in Credential.Headers)
        {
            proxyRequest.Headers.Remove(name);
        }

        foreach (var name in UpstreamPropagator.Headers)
        {
            proxyRequest.Headers.Remove(name);
        }

        if (request.Translation is not null)
        {
            TranslatedHeaders.WriteRequest(proxyRequest.Headers, upstream.Kind);
        }

        if (request.Turn.Key is { } key)
        {
            UpstreamRequest.Authorize(proxyRequest.Headers, upstream, key.Secret);
        }

        if (request.Call.HidesUsage || request.Translation is not null)
        {
            // What is to be left out of the answer, or said otherwise, must be found in it.
            proxyRequest.Headers.Remove("Accept-Encoding");
            proxyRequest.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        }

        NarrowEncodings(proxyRequest.Headers);
        UpstreamRequest.AddConfigured(proxyRequest.Headers, upstream);
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is null)
        {
            return true;
        }

        StatusCode = (int)proxyResponse.StatusCode;
        RetryAfter = StatusCode >= 400 ? Upstreams.RetryAfter.Of(proxyResponse.Headers, time) : null;
        if (IsLeftToAnother(proxyResponse.StatusCode) || !await MayAnswerAsync(httpContext, proxyResponse, cancellationToken))
        {
            return false;
        }

        if (request.Race?.TryWin(httpContext) == false)
        {
            IsOutrun = true;
            return false;
        }

        if (ending is not null)
        {
            clock.LeaveEndingTo(ending);
        }

        IsAnswering = true;
        RemoveOwnHeaders(proxyResponse.Headers);
        await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        httpContext.Response.Headers[GatewayHeaders.Upstream] = request.Upstream.Config.Id;
        if (request.Translation is not null)
        {
            await TranslateAsync(httpContext.Response, proxyResponse, request.Translation, cancellationToken);
        }

        if (Meter is not null)
        {
            if (StatusCode >= 300)
            {
                onEnd(); // An error costs nothing, whatever it says.
            }

            var tap = new UsageTap(proxyResponse.Content, Meter, time, StatusCode >= 300 ? null : onEnd, HidesUsage(proxyResponse.Content.Headers), clock)
            {
                Opening = opening,
                Ending = ending,
                Translation = StatusCode >= 300 ? null : request.Translation,
            };
            firstByteAt = () => tap.FirstByteAt;
            proxyResponse.Content = tap;
        }

        return true;
    }

    public void Dispose()
    {
        opening?.Dispose();
        ending?.Dispose();
    }

    /// <summary>Whether its status alone says that another upstream, or the gateway, has to answer.</summary>
    private bool IsLeftToAnother(HttpStatusCode status) =>
        RefusesCredential(StatusCode)
        || (!request.Turn.IsLast && IsWorthAnotherUpstream(status))
        || (request.Call.Kind == CallKind.TokenCount && StatusCode is not (200 or 400 or 413)); // Who does not count tokens leaves it to our estimate.

    /// <summary>Reads as much of an answer as it takes to see that it is one, as long as another upstream could give a better one.</summary>
    private async ValueTask<bool> MayAnswerAsync(HttpContext http, HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (request.Billing is null)
        {
            return true;
        }

        var headers = answer.Content.Headers;
        Meter = new AttemptMeter(UsageReaders.For(request.Upstream.Config.Kind, request.Call.LikelyPromptTokens), (int)answer.StatusCode, headers.ContentType?.MediaType, string.Join(',', headers.ContentEncoding));
        if (!answer.IsSuccessStatusCode)
        {
            return true;
        }

        if (IsReadableStream(headers) && (request.Translation?.IsEventStream ?? headers.ContentLength is null))
        {
            ending = new StreamEnding(request, http.Response.Headers[GatewayHeaders.RequestId].ToString(), Meter, clock, time);
        }

        if (!request.Turn.IsLast)
        {
            var token = ending?.TokenFor(cancellationToken) ?? cancellationToken;
            opening = new AnswerOpening(await answer.Content.ReadAsStreamAsync(token), Meter, time);
            GivenUp = await opening.HoldAsync(token);
            if (opening.FirstByteAt is not null)
            {
                clock.Begin();
            }
        }

        return GivenUp is AttemptFailure.None;
    }

    /// <summary>Headers and errors in the client's protocol; a good answer is translated as it is read.</summary>
    private async Task TranslateAsync(HttpResponse response, HttpResponseMessage answer, TranslatedCall translation, CancellationToken cancellationToken)
    {
        if (!answer.IsSuccessStatusCode)
        {
            var body = await TranslatedBody.ReadAllAsync(await answer.Content.ReadAsStreamAsync(cancellationToken), LargestError, cancellationToken);
            var (status, error) = translation.Error((int)answer.StatusCode, body, response.Headers[GatewayHeaders.RequestId].ToString());
            response.StatusCode = status;
            answer.Content = new ReadOnlyMemoryContent(error);
        }

        response.ContentType = answer.IsSuccessStatusCode ? translation.ContentType : "application/json";
        TranslatedHeaders.WriteAnswer(response.Headers, request.Call.Upstreams, time.GetUtcNow());
        if (translation.Dropped.Length > 0)
        {
            response.Headers[GatewayHeaders.Dropped] = string.Join(", ", translation.Dropped);
        }
    }

    private bool HidesUsage(HttpContentHeaders headers) => request.Translation is null && request.Call.HidesUsage && IsReadableStream(headers);

    private static bool IsReadableStream(HttpContentHeaders headers) =>
        headers.ContentEncoding.Count == 0 && string.Equals(headers.ContentType?.MediaType, "text/event-stream", StringComparison.OrdinalIgnoreCase);

    /// <summary>An upstream may be a gateway like this one; the client must find only our names for its request.</summary>
    private static void RemoveOwnHeaders(HttpResponseHeaders headers)
    {
        List<string>? own = null;
        foreach (var (name, _) in headers.NonValidated)
        {
            if (name.StartsWith(GatewayHeaders.Prefix, StringComparison.OrdinalIgnoreCase))
            {
                (own ??= []).Add(name);
            }
        }

        own?.ForEach(name => headers.Remove(name));
    }

    /// <summary>The key that is refused is the gateway's. A client that saw this status would take it for its own key.</summary>
    public static bool RefusesCredential(int? status) => status is 401 or 402 or 403;

    /// <summary>Failures of the upstream, not of the request: another one may answer.</summary>
    private static bool IsWorthAnotherUpstream(HttpStatusCode status) => status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)status >= 500;

    private static void NarrowEncodings(HttpRequestHeaders headers)
    {
        // As it came, unparsed: clients ask for little else than what can be counted, and then it stays as they wrote it.
        if (!headers.NonValidated.TryGetValues("Accept-Encoding", out var written) || (written.Count == 1 && IsMeterable(written.ToString())) || headers.AcceptEncoding.Count == 0)
        {
            return;
        }

        var kept = headers.AcceptEncoding.Where(encoding => MeterableEncodings.Contains(encoding.Value, StringComparer.OrdinalIgnoreCase)).ToList();
        headers.AcceptEncoding.Clear();
        if (kept.Count == 0)
        {
            headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        }

        kept.ForEach(headers.AcceptEncoding.Add);
    }

    /// <summary>Whether a list names nothing but encodings the meter can decode; one with weights or anything unusual is left to the parser.</summary>
    private static bool IsMeterable(ReadOnlySpan<char> list)
    {
        foreach (var part in list.Split(','))
        {
            var isKnown = false;
            foreach (var encoding in MeterableEncodings)
            {
                isKnown |= list[part].Trim(' ').Equals(encoding, StringComparison.OrdinalIgnoreCase);
            }

            if (!isKnown)
            {
                return false;
            }
        }

        return true;
    }
}
