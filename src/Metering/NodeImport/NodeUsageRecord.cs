using System.Globalization;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Metering.NodeImport;

/// <summary>A line of a usage file of the Node project, read as the event it stands for.</summary>
/// <remarks>
/// <c>timestamp</c> is when the record was written, after the answer, so the request was admitted <c>duration</c> before. It stays in the UTC day whose file it
/// is in: that is the day it was charged to, and the days of both gateways can be compared. Which key, session and surface it was is not recorded, nor the
/// lifetime of cache writes: they count as those of five minutes, the default of the protocol. Addresses and user agents are not taken over.
/// </remarks>
internal static class NodeUsageRecord
{
    public const string Source = "node-ccgate";

    /// <summary>Not a price book of ours: the amount is the one that was recorded.</summary>
    public const string PriceVersion = "imported:" + Source;

    /// <param name="line">One JSON object.</param>
    /// <param name="folder">The folder of the tenant, for a record that does not name it.</param>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="FormatException">It is, and says too little or nonsense.</exception>
    public static RequestCompleted Parse(ReadOnlyMemory<byte> line, string folder)
    {
        using var document = JsonDocument.Parse(line);
        var record = document.RootElement;
        if (record.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("it is not an object");
        }

        var tenant = Text(record, "tenantId") ?? folder;
        var written = Text(record, "timestamp") ?? throw new FormatException("timestamp is missing");
        var completedAt = Timestamp(written);
        var admittedAt = completedAt - TimeSpan.FromMilliseconds((double)Math.Clamp(Number(record, "duration") ?? 0, 0, 86_400_000));
        admittedAt = admittedAt < completedAt.UtcDateTime.Date ? new DateTimeOffset(completedAt.UtcDateTime.Date, TimeSpan.Zero) : admittedAt;
        var usage = Usage(record);
        var attempt = Attempt(record, usage, admittedAt, completedAt);
        return new RequestCompleted
        {
            RequestId = Id(tenant, Text(record, "requestId") ?? throw new FormatException("requestId is missing"), written),
            TenantId = tenant,
            KeyId = "imported",
            Surface = "unknown",
            RequestedModel = attempt.ProviderModel,
            AdmittedAt = admittedAt,
            CompletedAt = completedAt,
            Outcome = Outcome(attempt),
            Attempts = [attempt],
            Usage = usage,
            SpendUsd = attempt.SpendUsd,
            ImportedFrom = Source,
            ProxyInstance = "import:" + Source,
        };
    }

    private static Attempt Attempt(JsonElement record, TokenUsage usage, DateTimeOffset admittedAt, DateTimeOffset completedAt)
    {
        // Streamed answers were recorded without their input, which no request is without.
        var underCounted = usage.PromptTokens == 0 && usage.OutputTokens > 0;
        return new Attempt
        {
            Number = 1,
            UpstreamId = Text(record, "upstream") ?? "",
            ProviderModel = Text(record, "model") ?? "unknown",
            StartedAt = admittedAt,
            EndedAt = completedAt,
            StatusCode = (int?)Count(record, "statusCode", max: 999),
            Failure = Text(record, "errorType"),
            Usage = usage,
            UsageState = underCounted ? UsageState.Estimated : UsageState.Known,
            PriceVersion = PriceVersion,
            SpendUsd = decimal.Round(Number(record, "totalCost") ?? throw new FormatException("totalCost is missing"), 12, MidpointRounding.AwayFromZero),
        };
    }

    private static TokenUsage Usage(JsonElement record) => new()
    {
        InputTokens = Count(record, "inputTokens") ?? 0,
        OutputTokens = Count(record, "outputTokens") ?? 0,
        CacheWrite5mTokens = Count(record, "cacheCreationTokens") ?? 0,
        CacheReadTokens = Count(record, "cacheReadTokens") ?? 0,
    };

    private static RequestOutcome Outcome(Attempt attempt) => attempt switch
    {
        { StatusCode: 499 } => RequestOutcome.ClientAborted,
        { Failure: not null } or { StatusCode: < 200 or > 299 } => RequestOutcome.Failed,
        _ => RequestOutcome.Succeeded,
    };

    /// <summary>The same for the same record, so that importing twice stores once.</summary>
    private static Guid Id(string tenant, string requestId, string timestamp) =>
        EventId.Of(Encoding.UTF8.GetBytes(string.Join('\n', Source, tenant, requestId, timestamp)));

    private static DateTimeOffset Timestamp(string written) =>
        DateTimeOffset.TryParse(written, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant)
            && instant.Year is > 1970 and < 9999
            ? instant
            : throw new FormatException($"timestamp is '{written}'");

    private static string? Text(JsonElement record, string name) => Member(record, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString() is { Length: > 0 } some ? some : null,
        { } other => throw new FormatException($"{name} is {other.GetRawText()}, not a text"),
    };

    /// <summary>From the digits in the file: a detour over binary floating point would make another amount of it.</summary>
    private static decimal? Number(JsonElement record, string name) => Member(record, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetDecimal(out var value) => value,
        { } other => throw new FormatException($"{name} is {other.GetRawText()}, not a number"),
    };

    private static long? Count(JsonElement record, string name, long max = long.MaxValue) => Number(record, name) switch
    {
        null => null,
        { } number when number == decimal.Truncate(number) && number >= 0 && number <= max => (long)number,
        { } other => throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{name} is {other}")),
    };

    private static JsonElement? Member(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
