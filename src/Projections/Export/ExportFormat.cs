using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Projections.Export;

/// <summary>A column of an export: its name, which programs rely on, and its value in a row.</summary>
internal sealed record ExportColumn<TRow>(string Name, Func<TRow, object?> Value);

/// <summary>The columns of the exports, and how a row is written.</summary>
internal static class ExportFormat
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static IReadOnlyList<ExportColumn<ExportedRequest>> Requests { get; } =
    [
        new("request_id", row => row.Request.RequestId.ToString()),
        new("tenant", row => row.Request.TenantId),
        new("key", row => row.Request.KeyId),
        new("session", row => row.Request.SessionId),
        new("surface", row => row.Request.Surface),
        new("requested_model", row => row.Request.RequestedModel),
        new("model", row => row.Last?.ProviderModel),
        new("upstream", row => row.Last?.UpstreamId),
        new("admitted_at", row => row.Request.AdmittedAt),
        new("completed_at", row => row.Request.CompletedAt),
        new("outcome", row => row.Request.Outcome.ToString()),
        new("streaming", row => row.Request.Streaming),
        new("attempts", row => (long)row.Attempts.Count),
        .. Tokens<ExportedRequest>(row => row.Usage),
        new("usage_state", row => row.Last?.UsageState.ToString()),
        new("price_version", row => row.Last?.PriceVersion),
        new("imported_from", row => row.Request.ImportedFrom),
        new("spend_usd", row => row.SpendUsd),
        new("adjusted_usd", row => row.Adjusted.SpendUsd),
        new("total_usd", row => row.SpendUsd + row.Adjusted.SpendUsd),
    ];

    public static IReadOnlyList<ExportColumn<ExportedDay>> Days { get; } =
    [
        new("tenant", row => row.Tenant),
        new("day", row => row.Day),
        new("timezone", row => row.Zone.Id),
        new("requests", row => row.Requests),
        new("errors", row => row.Errors),
        .. Tokens<ExportedDay>(row => row.Usage),
        new("spend_usd", row => row.SpendUsd),
        new("adjusted_usd", row => row.AdjustedUsd),
        new("total_usd", row => row.SpendUsd + row.AdjustedUsd),
    ];

    public static string JsonLine<TRow>(IReadOnlyList<ExportColumn<TRow>> columns, TRow row)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var writer = new Utf8JsonWriter(buffer, Readable);
        writer.WriteStartObject();
        foreach (var column in columns)
        {
            writer.WritePropertyName(column.Name);
            Write(writer, column.Value(row));
        }

        writer.WriteEndObject();
        writer.Flush();
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case long count:
                writer.WriteNumberValue(count);
                break;
            case decimal amount:
                writer.WriteNumberValue(amount);
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            case DateTimeOffset instant:
                writer.WriteStringValue(instant.UtcDateTime);
                break;
            case DateOnly day:
                writer.WriteStringValue(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
                break;
            default:
                writer.WriteStringValue((string)value);
                break;
        }
    }

    private static ExportColumn<TRow>[] Tokens<TRow>(Func<TRow, TokenUsage> usage) =>
    [
        new("input_tokens", row => usage(row).InputTokens),
        new("cache_read_tokens", row => usage(row).CacheReadTokens),
        new("cache_write_5m_tokens", row => usage(row).CacheWrite5mTokens),
        new("cache_write_1h_tokens", row => usage(row).CacheWrite1hTokens),
        new("output_tokens", row => usage(row).OutputTokens),
        new("reasoning_tokens", row => usage(row).ReasoningTokens),
        new("web_searches", row => usage(row).WebSearches),
    ];
}
