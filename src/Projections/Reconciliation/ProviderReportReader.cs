using System.Globalization;
using System.Text.Json;

namespace CCGate.Projections.Reconciliation;

/// <summary>Reads the pages of a report into one.</summary>
/// <remarks>
/// The pages of Anthropic and OpenAI have one shape, <c>{"data":[bucket],"has_more":false,"next_page":null}</c>; a bucket is a period with results in it. A file
/// may hold one page, an array of them, or several one after the other, as a loop with curl writes them.
/// </remarks>
internal sealed class ProviderReportReader
{
    private readonly HashSet<DateOnly> days = [];
    private readonly List<CountedRow> rows = [];
    private readonly HashSet<string> buckets = new(StringComparer.Ordinal);
    private ReportFormat? format;
    private bool hasEnd;

    /// <param name="format">Null to see for oneself.</param>
    private ProviderReportReader(ReportFormat? format) => this.format = format;

    /// <exception cref="ReportException">It is not a report, not of that format, or not all of it.</exception>
    public static ProviderReport Read(IReadOnlyList<ReportPage> pages, ReportFormat? format)
    {
        if (format == ReportFormat.Csv || (format is null && !pages.All(IsJson)))
        {
            return CsvReport.Read(pages);
        }

        var reader = new ProviderReportReader(format);
        foreach (var page in pages)
        {
            reader.ReadFile(page);
        }

        return reader.Finish();
    }

    private static bool IsJson(ReportPage page) => page.Content.AsSpan().TrimStart(" \t\r\n\uFEFF"u8) is [(byte)'{' or (byte)'[', ..];

    private ProviderReport Finish()
    {
        if (!hasEnd)
        {
            throw new ReportException("Every page of the report says that there is more (has_more): give the pages that follow, too.");
        }

        return format is { } known
            ? new ProviderReport(known, ReportRow.Metrics(known), days, rows)
            : throw new ReportException("The report has no results, so that its format cannot be seen: name it with --format.");
    }

    private void ReadFile(ReportPage file)
    {
        try
        {
            var reader = new Utf8JsonReader(file.Content.AsSpan().TrimStart("\uFEFF"u8), new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
            {
                using var document = JsonDocument.ParseValue(ref reader);
                foreach (var page in document.RootElement.ValueKind == JsonValueKind.Array ? document.RootElement.EnumerateArray().ToList() : [document.RootElement])
                {
                    ReadPage(page);
                }
            }
        }
        catch (JsonException malformed)
        {
            throw new ReportException($"{file.Name} is not JSON: {malformed.Message}");
        }
        catch (FormatException wrong)
        {
            throw new ReportException($"{file.Name} is not a report of {(format is { } known ? ReportFormats.Name(known) : "a format that is known")}: {wrong.Message}");
        }
    }

    private void ReadPage(JsonElement page)
    {
        if (page.ValueKind != JsonValueKind.Object || !page.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Array)
        {
            throw new FormatException("a page has no 'data'.");
        }

        hasEnd |= !(page.TryGetProperty("has_more", out var more) && more.ValueKind == JsonValueKind.True);
        foreach (var bucket in data.EnumerateArray())
        {
            ReadBucket(bucket);
        }
    }

    private void ReadBucket(JsonElement bucket)
    {
        if (bucket.ValueKind != JsonValueKind.Object || !bucket.TryGetProperty("results", out var results) || results.ValueKind != JsonValueKind.Array)
        {
            throw new FormatException("a bucket has no 'results'.");
        }

        var day = Day(bucket);
        days.Add(day);
        if (results.GetArrayLength() > 0 && !buckets.Add(bucket.GetRawText()))
        {
            throw new FormatException($"the bucket of {day:yyyy-MM-dd} is there twice; was a page given twice?");
        }

        foreach (var result in results.EnumerateArray())
        {
            format ??= Guess(bucket, result);
            rows.Add(ReportRow.Read(format.Value, day, result));
        }
    }

    private static ReportFormat Guess(JsonElement bucket, JsonElement result) =>
        (bucket.TryGetProperty("starting_at", out _), result.ValueKind == JsonValueKind.Object && result.TryGetProperty("amount", out _)) switch
        {
            (true, true) => ReportFormat.AnthropicCost,
            (true, false) => ReportFormat.AnthropicUsage,
            (false, true) => ReportFormat.OpenAICosts,
            (false, false) => ReportFormat.OpenAIUsage,
        };

    /// <summary>Anthropic: <c>starting_at</c>, RFC 3339. OpenAI: <c>start_time</c>, seconds since 1970. Both begin their days in UTC.</summary>
    private static DateOnly Day(JsonElement bucket)
    {
        if (bucket.TryGetProperty("starting_at", out var startingAt) && startingAt.ValueKind == JsonValueKind.String
            && DateTimeOffset.TryParse(startingAt.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant))
        {
            return DateOnly.FromDateTime(instant.UtcDateTime);
        }

        return bucket.TryGetProperty("start_time", out var startTime) && startTime.ValueKind == JsonValueKind.Number
            && startTime.TryGetInt64(out var seconds) && seconds is > 0 and < 100_000_000_000
            ? DateOnly.FromDateTime(DateTimeOffset.FromUnixTimeSeconds(seconds).UtcDateTime)
            : throw new FormatException("a bucket has neither 'starting_at' nor 'start_time'.");
    }
}
