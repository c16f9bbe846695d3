using System.Globalization;
using System.Text.Json;

namespace CCGate.Projections.Reconciliation;

/// <summary>One result of a bucket, in the words of its provider.</summary>
/// <remarks>
/// platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages: <c>uncached_input_tokens</c>, <c>cache_read_input_tokens</c>,
/// <c>cache_creation.ephemeral_5m_input_tokens</c> and <c>…1h…</c>, <c>output_tokens</c>, <c>server_tool_use.web_search_requests</c>, <c>model</c> when grouped by it.
/// platform.claude.com/docs/en/api/admin/cost_report/retrieve: <c>amount</c> is a text of cents, such as "123.45" for $1.2345; <c>currency</c>; <c>model</c> when
/// grouped by description.
/// platform.openai.com/docs/api-reference/usage/completions: <c>input_tokens</c> includes <c>input_cached_tokens</c> and <c>input_cache_write_tokens</c>.
/// platform.openai.com/docs/api-reference/usage/costs: <c>amount.value</c> in the unit of <c>amount.currency</c>, which is lower case.
/// </remarks>
internal static class ReportRow
{
    public static IReadOnlySet<UsageMetric> Metrics(ReportFormat format) => format switch
    {
        ReportFormat.AnthropicUsage => new HashSet<UsageMetric>
        {
            UsageMetric.InputTokens, UsageMetric.CacheReadTokens, UsageMetric.CacheWrite5mTokens, UsageMetric.CacheWrite1hTokens, UsageMetric.OutputTokens, UsageMetric.WebSearches,
        },
        ReportFormat.OpenAIUsage => new HashSet<UsageMetric> { UsageMetric.InputTokens, UsageMetric.CacheReadTokens, UsageMetric.CacheWriteTokens, UsageMetric.OutputTokens },
        _ => new HashSet<UsageMetric> { UsageMetric.CostUsd },
    };

    /// <exception cref="FormatException">It is a result of something else.</exception>
    public static CountedRow Read(ReportFormat format, DateOnly day, JsonElement result)
    {
        if (result.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("a result is not an object.");
        }

        var model = result.TryGetProperty("model", out var named) && named.ValueKind == JsonValueKind.String ? named.GetString() : null;
        return new CountedRow(day, model, format switch
        {
            ReportFormat.AnthropicUsage => AnthropicUsage(result),
            ReportFormat.OpenAIUsage => OpenAIUsage(result),
            ReportFormat.AnthropicCost => Cost(Amount(result, "amount") / 100, result),
            _ => Member(result, "amount") is { ValueKind: JsonValueKind.Object } amount
                ? Cost(Amount(amount, "value"), amount)
                : throw new FormatException("a result has no 'amount'."),
        });
    }

    private static Dictionary<UsageMetric, decimal> AnthropicUsage(JsonElement result)
    {
        var written = Member(result, "cache_creation");
        return new Dictionary<UsageMetric, decimal>
        {
            [UsageMetric.InputTokens] = Amount(result, "uncached_input_tokens"),
            [UsageMetric.CacheReadTokens] = AmountOrZero(result, "cache_read_input_tokens"),
            [UsageMetric.CacheWrite5mTokens] = AmountOrZero(written, "ephemeral_5m_input_tokens"),
            [UsageMetric.CacheWrite1hTokens] = AmountOrZero(written, "ephemeral_1h_input_tokens"),
            [UsageMetric.OutputTokens] = Amount(result, "output_tokens"),
            [UsageMetric.WebSearches] = AmountOrZero(Member(result, "server_tool_use"), "web_search_requests"),
        };
    }

    private static Dictionary<UsageMetric, decimal> OpenAIUsage(JsonElement result)
    {
        var (read, written) = (AmountOrZero(result, "input_cached_tokens"), AmountOrZero(result, "input_cache_write_tokens"));
        return new Dictionary<UsageMetric, decimal>
        {
            [UsageMetric.InputTokens] = Amount(result, "input_tokens") - read - written,
            [UsageMetric.CacheReadTokens] = read,
            [UsageMetric.CacheWriteTokens] = written,
            [UsageMetric.OutputTokens] = Amount(result, "output_tokens"),
        };
    }

    private static Dictionary<UsageMetric, decimal> Cost(decimal usd, JsonElement money) =>
        Member(money, "currency") is not { ValueKind: JsonValueKind.String } currency || "usd".Equals(currency.GetString(), StringComparison.OrdinalIgnoreCase)
            ? new Dictionary<UsageMetric, decimal> { [UsageMetric.CostUsd] = usd }
            : throw new FormatException($"an amount is in {currency.GetString()}; USD alone can be compared.");

    private static decimal AmountOrZero(JsonElement? parent, string name) =>
        parent is { ValueKind: JsonValueKind.Object } given && Member(given, name) is not null ? Amount(given, name) : 0;

    /// <summary>From its digits, whether they are a number or a text.</summary>
    private static decimal Amount(JsonElement parent, string name) => Member(parent, name) switch
    {
        { ValueKind: JsonValueKind.Number } number when number.TryGetDecimal(out var value) => value,
        { ValueKind: JsonValueKind.String } text when decimal.TryParse(text.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) => value,
        null => throw new FormatException($"a result has no '{name}'."),
        { } other => throw new FormatException($"'{name}' is {other.GetRawText()}, not a number."),
    };

    private static JsonElement? Member(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
