using System.Globalization;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;

namespace CCGate.Projections.Spend;

/// <summary>What the rows of an answer are by.</summary>
internal enum SpendBy
{
    Day,
    Hour,
    Model,
    Tenant,
    Key,
    Upstream,
}

/// <summary>A question to the spend table: which rows, of which period, summed by what.</summary>
internal sealed record SpendQuestion
{
    public string? Tenant { get; init; }

    public string? Key { get; init; }

    public string? Model { get; init; }

    public string? Upstream { get; init; }

    /// <summary>The first instant counted, on a quarter hour; null for no bound.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>The first instant not counted, on a quarter hour; null for no bound.</summary>
    public DateTimeOffset? To { get; init; }

    public TimeZoneInfo Zone { get; init; } = TimeZoneInfo.Utc;

    public SpendBy By { get; init; } = SpendBy.Day;

    /// <summary>What the rows are by besides; null for nothing.</summary>
    public SpendBy? ThenBy { get; init; }
}

/// <summary>Reads a question as people and programs write it, and says of each parameter what is wrong and what is allowed.</summary>
internal sealed class SpendQuestionReader(GatewayConfig config)
{
    public static readonly string[] Parameters = ["tenant", "key", "model", "upstream", "from", "to", "by", "timezone"];

    public static readonly string[] Dimensions = ["day", "hour", "model", "tenant", "key", "upstream"];

    private static readonly string[] InstantFormats = ["yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>By parameter; empty when the question can be answered.</summary>
    public Dictionary<string, string[]> Errors { get; } = [];

    public SpendQuestion Read(Func<string, string?> parameter)
    {
        var tenant = parameter("tenant");
        var zone = ReadZone(parameter("timezone"), tenant);
        var (by, thenBy) = ReadDimensions(parameter("by"));
        var question = new SpendQuestion
        {
            Tenant = tenant,
            Key = parameter("key"),
            Model = parameter("model"),
            Upstream = parameter("upstream"),
            Zone = zone,
            From = ReadInstant("from", parameter("from"), zone, isEnd: false),
            To = ReadInstant("to", parameter("to"), zone, isEnd: true),
            By = by,
            ThenBy = thenBy,
        };
        if (question.From >= question.To)
        {
            Errors["from"] = ["It is not before 'to'; the period must not end before it begins."];
        }

        return question;
    }

    /// <summary>One dimension, or two separated by a comma.</summary>
    private (SpendBy By, SpendBy? ThenBy) ReadDimensions(string? written)
    {
        var parts = written?.Split(',', StringSplitOptions.TrimEntries) ?? ["day"];
        if (parts.Length > 2 || (parts.Length == 2 && parts[0].Equals(parts[1], StringComparison.OrdinalIgnoreCase)))
        {
            Errors["by"] = [$"'{written}' is neither one nor two different ones of day, hour, model, tenant, key, upstream."];
            return (SpendBy.Day, null);
        }

        return (ReadBy(parts[0]), parts.Length == 2 ? ReadBy(parts[1]) : null);
    }

    private SpendBy ReadBy(string written)
    {
        foreach (var by in Enum.GetValues<SpendBy>())
        {
            if (written.Equals(by.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                return by;
            }
        }

        Errors["by"] = [$"'{written}' is none of day, hour, model, tenant, key, upstream."];
        return SpendBy.Day;
    }

    private TimeZoneInfo ReadZone(string? written, string? tenant)
    {
        if (written is null)
        {
            return config.Tenants.FirstOrDefault(known => known.Id == tenant)?.TimeZone ?? TimeZoneInfo.Utc;
        }

        if (TimeZoneInfo.TryFindSystemTimeZoneById(written, out var zone))
        {
            return zone;
        }

        Errors["timezone"] = [$"'{written}' is not a time zone; give an IANA name such as Europe/Berlin or UTC."];
        return TimeZoneInfo.Utc;
    }

    private DateTimeOffset? ReadInstant(string name, string? written, TimeZoneInfo zone, bool isEnd)
    {
        if (written is null)
        {
            return null;
        }

        if (TryReadInstant(written, zone, isEnd, out var instant))
        {
            return instant;
        }

        Errors[name] = [NoInstant(written)];
        return null;
    }

    /// <summary>A date in a zone, whose end is the next day's start, or an instant with its offset, to the quarter hour.</summary>
    public static bool TryReadInstant(string written, TimeZoneInfo zone, bool isEnd, out DateTimeOffset instant)
    {
        if (DateOnly.TryParseExact(written, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            && day > DateOnly.MinValue.AddYears(1) && day < DateOnly.MaxValue.AddYears(-1))
        {
            instant = LocalDay.StartOf(isEnd ? day.AddDays(1) : day, zone);
            return true;
        }

        // A plus sign that nobody escaped arrives as a space.
        var escaped = written.Replace(' ', '+');
        var hasOffset = escaped.EndsWith('Z') || (escaped.Length > 6 && escaped[^6] is '+' or '-' && escaped[^3] == ':');
        if (hasOffset && DateTimeOffset.TryParseExact(escaped, InstantFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var parsed)
            && parsed.Year is > 1 and < 9999)
        {
            instant = isEnd ? QuarterHour.RoundUp(parsed) : QuarterHour.RoundDown(parsed);
            return true;
        }

        instant = default;
        return false;
    }

    public static string NoInstant(string written) =>
        $"'{written}' is neither a date such as 2026-11-21 nor an instant with its offset such as 2026-11-21T09:30:00Z.";
}
