using System.Globalization;
using System.Net;
using System.Text;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Proxy.Simulator;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Upstreams;

/// <summary>Sends a real small request with each key of an upstream and says of each step how long it took, and of a failed one which setting to change.</summary>
internal sealed class UpstreamTest(PriceBook prices, TimeProvider time)
{
    private const int MaxAnswerBytes = 1024 * 1024;
    private const int MaxErrorBytes = 4096;
    private const int LongestError = 300;

    public async Task<UpstreamTestReport> RunAsync(UpstreamConfig upstream, string? askedModel, CancellationToken cancellationToken)
    {
        var (model, from) = UpstreamTestRequest.ModelFor(upstream, askedModel);
        var keys = new List<UpstreamKeyTest>();
        foreach (var key in upstream.Keys.IsEmpty ? [null] : upstream.Keys.Distinct().ToArray<Secret?>())
        {
            var hint = key is null ? "" : new UpstreamKey(key, time).Hint;
            keys.Add(new UpstreamKeyTest(hint, await TestKeyAsync(upstream, model, key, cancellationToken)));
        }

        var status = UpstreamStatus.Of(upstream, state: null);
        return new UpstreamTestReport(upstream.Id, status.Kind, status.Url, model, from, keys);
    }

    private async Task<IReadOnlyList<UpstreamTestStep>> TestKeyAsync(UpstreamConfig upstream, string model, Secret? key, CancellationToken cancellationToken)
    {
        var steps = new List<UpstreamTestStep>();
        var trace = new ConnectionTrace(upstream.Proxy, time);
        using var connections = Connect(upstream, trace);
        using var patience = new CancellationTokenSource(upstream.FirstByteTimeout, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var start = time.GetTimestamp();
        try
        {
            using var request = UpstreamTestRequest.Build(upstream, model, key);
            using var response = await connections.SendAsync(request, end.Token);
            steps.AddRange(trace.Steps);
            steps.Add(new UpstreamTestStep("http", true, Since(start), $"HTTP/{response.Version}, status {(int)response.StatusCode}"));
            patience.CancelAfter(upstream.IdleTimeout);
            await ReadAsync(response, new Asked(upstream, model, key, start), steps, end.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            AddMissing(trace, steps);
            var setting = steps.Exists(step => step.Step == "http") ? "timeouts.idleSeconds" : "timeouts.firstByteSeconds";
            AddFailure(steps, new UpstreamTestStep("answer", false, Since(start), "no answer in time", setting));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            AddMissing(trace, steps);
            AddFailure(steps, new UpstreamTestStep("connect", false, Since(start), "no connection in time", "url, proxy, timeouts.connectSeconds"));
        }
        catch (HttpRequestException error)
        {
            AddMissing(trace, steps);
            AddFailure(steps, trace.FailureOf(error) ?? new UpstreamTestStep("http", false, Since(start), error.Message, upstream.Proxy is null ? "url" : "url, proxy"));
        }
        catch (IOException error)
        {
            AddFailure(steps, new UpstreamTestStep("answer", false, Since(start), $"the answer broke off: {error.Message}", "url"));
        }

        return steps;
    }

    private async Task ReadAsync(HttpResponseMessage response, Asked asked, List<UpstreamTestStep> steps, CancellationToken cancellationToken)
    {
        var status = (int)response.StatusCode;
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        if (status is < 200 or >= 300)
        {
            var said = await ErrorTextAsync(body, asked.Key, cancellationToken);
            var (step, why, change) = Refusal(status, response.Headers.Location, asked);
            steps.Add(new UpstreamTestStep(step, false, null, said.Length == 0 ? why : $"{why}: {said}", change));
            return;
        }

        steps.Add(new UpstreamTestStep("auth", true, null, asked.Key is null ? "it wants no key" : "the key is taken"));
        var type = response.Content.Headers.ContentType?.MediaType;
        using var meter = new AttemptMeter(UsageReaders.For(asked.Upstream.Kind, likelyPromptTokens: 0), status, type, string.Join(',', response.Content.Headers.ContentEncoding));
        var firstToken = await MeterAsync(body, meter, asked.Start, cancellationToken);
        var (whole, metered) = (Since(asked.Start), meter.Finish());
        if (metered.StreamError is not null || !metered.Ended)
        {
            var wrong = metered.StreamError is { } error ? $"the answer ended with {error}" : $"this is no whole answer of its kind ({type ?? "no content type"})";
            steps.Add(new UpstreamTestStep("answer", false, whole, wrong, "kind, url"));
            return;
        }

        steps.Add(new UpstreamTestStep("model", true, null, $"{metered.Model ?? asked.Model} answered"));
        steps.Add(new UpstreamTestStep("first token", true, firstToken, firstToken is null ? "the answer has no text" : ""));
        steps.Add(new UpstreamTestStep("answer", true, whole, "whole"));
        steps.Add(UsageStep(metered));
        steps.Add(CostStep(metered, asked));
    }

    private async Task<double?> MeterAsync(Stream body, AttemptMeter meter, long start, CancellationToken cancellationToken)
    {
        double? firstToken = null;
        var buffer = new byte[16 * 1024];
        for (var total = 0; total < MaxAnswerBytes;)
        {
            var read = await body.ReadAsync(buffer, cancellationToken);
            if (read == 0)
            {
                break;
            }

            firstToken ??= Since(start);
            var hadOutput = meter.HasOutput;
            meter.Observe(buffer.AsSpan(0, read));
            firstToken = !hadOutput && meter.HasOutput ? Since(start) : firstToken;
            total += read;
        }

        return firstToken;
    }

    private static UpstreamTestStep UsageStep(MeteredUsage metered)
    {
        var usage = metered.Usage;
        var said = string.Create(CultureInfo.InvariantCulture, $"{usage.PromptTokens} input, {usage.OutputTokens} output tokens");
        return metered.State is UsageState.Known
            ? new UpstreamTestStep("usage", true, null, said)
            : new UpstreamTestStep("usage", false, null, $"{metered.Doubt ?? "the answer has no usage"}: what requests cost there would stay unknown", "kind");
    }

    private UpstreamTestStep CostStep(MeteredUsage metered, Asked asked)
    {
        var now = time.GetUtcNow();
        var served = metered.Model is { } model && prices.Find(model, now) is not null ? model : asked.Model;
        return prices.Spend(served, metered.Usage, now, asked.Upstream.CostMultiplier) is { } usd
            ? new UpstreamTestStep("cost", true, null, string.Create(CultureInfo.InvariantCulture, $"{usd:0.############} USD at the price of {served}"))
            : new UpstreamTestStep("cost", true, null, $"there is no price for {served}: tenants with a budget cannot use it until it has one (ccgate prices set)");
    }

    private static (string Step, string Why, string Change) Refusal(int status, Uri? location, Asked asked) => status switch
    {
        401 or 403 => ("auth", asked.Key is null ? $"it wants a key (status {status})" : $"the key is refused (status {status})", asked.Upstream.AuthHeader is null ? "key" : "key, authHeader"),
        402 => ("auth", "the account of the key has no credit (status 402)", "key"),
        407 => ("proxy", "the proxy wants a password (status 407)", "proxy"),
        429 => ("auth", "the key has reached its limit (status 429)", "key"),
        404 => ("model", $"it does not know the model {asked.Model}, or the path (status 404)", "models, modelMapping, url"),
        >= 300 and < 400 => ("http", $"it redirects{(location is null ? "" : $" to {location}")} (status {status})", "url"),
        >= 500 => ("answer", $"it fails (status {status})", asked.Upstream.Proxy is null ? "url, if it goes on" : "url or proxy, if it goes on"),
        _ => ("model", $"it refuses a request for the model {asked.Model} (status {status})", "models, modelMapping, kind"),
    };

    /// <summary>What the provider says, on one line and without the key, which some repeat.</summary>
    private static async Task<string> ErrorTextAsync(Stream body, Secret? key, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxErrorBytes];
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        var text = string.Join(' ', Encoding.UTF8.GetString(buffer, 0, length).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        text = key is null ? text : text.Replace(key.Reveal(), "…", StringComparison.Ordinal);
        return text.Length > LongestError ? text[..LongestError] + "…" : text;
    }

    /// <summary>What was seen of the connection before the request failed.</summary>
    private static void AddMissing(ConnectionTrace trace, List<UpstreamTestStep> steps)
    {
        if (steps.Count == 0)
        {
            steps.AddRange(trace.Steps);
        }
    }

    /// <summary>One failure is enough: what follows from it says nothing new.</summary>
    private static void AddFailure(List<UpstreamTestStep> steps, UpstreamTestStep failure)
    {
        if (!steps.Exists(step => !step.Passed))
        {
            steps.Add(failure);
        }
    }

    /// <summary>As requests are connected, but never over a connection that is there already.</summary>
    private HttpMessageInvoker Connect(UpstreamConfig upstream, ConnectionTrace trace)
    {
        if (upstream.Kind == UpstreamKind.Simulator)
        {
            return new HttpMessageInvoker(new SimulatorHandler(upstream.Simulator, time));
        }

        var sockets = UpstreamConnections.Sockets(upstream, upstream.Proxy, time);
        trace.Watch(sockets);
        return new HttpMessageInvoker(sockets);
    }

    private double Since(long start) => time.GetElapsedTime(start).TotalMilliseconds;

    private sealed record Asked(UpstreamConfig Upstream, string Model, Secret? Key, long Start);
}
