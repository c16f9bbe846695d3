using System.Collections;
using System.Globalization;
using System.Text;
using CCGate.Hosting.Logging;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Telemetry;

/// <summary>What the access log says of one request: its properties, and them as a sentence. What is not known is left out.</summary>
/// <remarks>Not a message template, since those print every property of theirs, known or not.</remarks>
internal sealed class AccessLine : IReadOnlyList<KeyValuePair<string, object?>>
{
    private const int MaxText = 200;

    private readonly List<KeyValuePair<string, object?>> properties = new(capacity: 24);

    private AccessLine()
    {
    }

    public int Count => properties.Count;

    public KeyValuePair<string, object?> this[int index] => properties[index];

    public static AccessLine Of(RequestTelemetry request, TimeSpan duration)
    {
        var line = new AccessLine();
        var http = request.Http;
        line.Add("method", Harmless(http.Request.Method));
        line.Add("path", Harmless(http.Request.Path.Value));
        line.Add("status", StatusOf(request));
        line.Add("durationMs", Math.Round(duration.TotalMilliseconds, 3));
        line.Add("surface", request.Surface.Name);
        line.Add("tenant", Harmless(request.Payer?.Tenant.Id));
        line.Add("key", Harmless(request.Payer?.Key.Id));
        line.Add("model", Harmless(request.Call?.NamedModel));
        line.AddAttempts(request);
        line.AddSettlement(request);
        line.Add("refusal", request.Refusal?.Reason.ToString());
        line.Add("request", request.RequestId);
        return line;
    }

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => properties.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString()
    {
        var text = new StringBuilder(256);
        foreach (var (name, value) in properties)
        {
            text.Append(text.Length == 0 ? "" : " ");
            if (name is not ("method" or "path" or "status" or "durationMs"))
            {
                text.Append(name).Append('=');
            }

            AppendValue(text, name, value);
        }

        return text.ToString();
    }

    /// <summary>Bounded, and without what would begin another line; a space would begin another property.</summary>
    public static string? Harmless(string? text)
    {
        if (text is null || (text.Length <= MaxText && !text.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            return text;
        }

        var harmless = new StringBuilder(text.Length);
        foreach (var letter in text.AsSpan(0, Math.Min(text.Length, MaxText)))
        {
            if (letter == ' ' || LogLine.IsHarmful(letter))
            {
                harmless.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}");
            }
            else
            {
                harmless.Append(letter);
            }
        }

        return harmless.ToString();
    }

    // A client that left before its answer began was sent no status; others name that 499. What the gateway failed at is answered after this line.
    private static int StatusOf(RequestTelemetry request) => request.Http switch
    {
        { Response.HasStarted: true } http => http.Response.StatusCode,
        { RequestAborted.IsCancellationRequested: true } => 499,
        var http => request.IsBroken ? StatusCodes.Status500InternalServerError : http.Response.StatusCode,
    };

    private void AddAttempts(RequestTelemetry request)
    {
        if (request.LastAttempt?.Attempt is not { } last)
        {
            return;
        }

        Add("providerModel", Harmless(last.ProviderModel));
        Add("upstream", last.UpstreamId);
        Add("attempts", request.Attempts);
        Add("failure", last.Failure);
        Add("firstByteMs", last.FirstByteAt is { } first ? Math.Round((first - last.StartedAt).TotalMilliseconds, 3) : null);
    }

    private void AddSettlement(RequestTelemetry request)
    {
        if (request.Completed is not { } completed)
        {
            return;
        }

        Add("in", completed.Usage.InputTokens);
        Add("cacheRead", completed.Usage.CacheReadTokens);
        Add("cacheWrite", completed.Usage.CacheWrite5mTokens + completed.Usage.CacheWrite1hTokens);
        Add("out", completed.Usage.OutputTokens);
        Add("spendUsd", completed.SpendUsd);
        Add("usageState", request.LastAttempt?.Attempt.UsageState.ToString());
        Add("outcome", completed.Outcome.ToString());
    }

    private void Add(string name, object? value)
    {
        if (value is not null)
        {
            properties.Add(new KeyValuePair<string, object?>(name, value));
        }
    }

    private static void AppendValue(StringBuilder text, string name, object? value)
    {
        switch (value)
        {
            case double milliseconds when name == "durationMs":
                text.Append(CultureInfo.InvariantCulture, $"{milliseconds / 1000:0.000}s");
                break;
            case string { Length: > 0 } sentence when sentence.Contains(' ', StringComparison.Ordinal):
                text.Append('"').Append(sentence).Append('"');
                break;
            default:
                text.Append(CultureInfo.InvariantCulture, $"{value}");
                break;
        }
    }
}
