using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Projections.Questions;

namespace CCGate.Projections.Requests;

/// <summary>What a list of requests is sorted by.</summary>
internal enum RequestSort
{
    Time,
    Spend,
    Duration,
}

/// <summary>Which requests, in which order, and where the page begins.</summary>
internal sealed record RequestQuestion
{
    public string? Tenant { get; init; }

    public string? Session { get; init; }

    public DateTimeOffset? From { get; init; }

    public DateTimeOffset? To { get; init; }

    /// <summary>Conditions no index answers, with a parameter each.</summary>
    public IReadOnlyList<(string Sql, string Name, object Value)> Filters { get; init; } = [];

    public RequestSort Sort { get; init; }

    public bool Ascending { get; init; }

    public int Limit { get; init; }

    public PageCursor? After { get; init; }

    public string Column => Sort switch { RequestSort.Spend => "spend_pico", RequestSort.Duration => "duration_ms", _ => "admitted_at" };

    /// <summary>The name of the order, for cursors.</summary>
    public string Order => $"{Sort}-{(Ascending ? "asc" : "desc")}";
}

/// <summary>Reads a question for requests.</summary>
internal static class RequestQuestionReader
{
    private static readonly string[] Common = ["key", "model", "session", "surface", "outcome", "state", "status", "from", "to", "minUsd", "q", "sort", "order", "limit", "cursor", "format"];

    public static readonly string[] ForOperators = ["tenant", "upstream", .. Common];

    /// <summary>Where a tenant's requests went is not theirs to know, nor to guess by searching.</summary>
    public static readonly string[] ForTenants = Common;

    private static readonly string[] States = [.. Enum.GetNames<UsageState>(), "Settled"];

    /// <param name="owner">The tenant that asks; null for an operator.</param>
    public static RequestQuestion Read(QuestionParameters parameters, string? owner)
    {
        var filters = new List<(string, string, object)>();
        void Equal(string column, string name, object? value)
        {
            if (value is not null)
            {
                filters.Add(($"{column} = @{name}", name, value));
            }
        }

        Equal("key_id", "key", parameters.Text("key"));
        Equal("surface", "surface", RequestRecord.Bounded(parameters.Text("surface")));
        Equal("upstream_id", "upstream", owner is null ? RequestRecord.Bounded(parameters.Text("upstream")) : null);
        Equal("outcome", "outcome", parameters.OneOf("outcome", Enum.GetNames<RequestOutcome>()));
        Equal("usage_state", "state", parameters.OneOf("state", States));
        Equal("status", "status", parameters.Number("status", 100, 599));
        if (RequestRecord.Bounded(parameters.Text("model")) is { } model)
        {
            filters.Add(("(model = @model or requested_model = @model)", "model", model));
        }

        if (parameters.Usd("minUsd") is { } usd)
        {
            filters.Add(("spend_pico >= @min", "min", Picodollars.CeilingFromUsd(usd)));
        }

        if (parameters.Text("q") is { } text)
        {
            filters.Add((Search(owner), "q", "%" + Escape(RequestRecord.Bounded(text)!) + "%"));
        }

        var (from, to) = parameters.Period();
        var question = new RequestQuestion
        {
            Tenant = owner ?? parameters.Text("tenant"),
            Session = RequestRecord.Bounded(parameters.Text("session")),
            From = from,
            To = to,
            Filters = filters,
            Sort = Enum.Parse<RequestSort>(parameters.OneOf("sort", Enum.GetNames<RequestSort>()) ?? nameof(RequestSort.Time)),
            Ascending = parameters.OneOf("order", "asc", "desc") == "asc",
            Limit = parameters.Limit,
        };
        return question with { After = PageCursor.Read(parameters, question.Order) };
    }

    private static string Search(string? owner)
    {
        string[] columns = ["id", "key_id", "session_id", "requested_model", "model", .. owner is null ? ["tenant_id", "upstream_id"] : Array.Empty<string>()];
        return $"({string.Join(" or ", columns.Select(column => $"lower({column}) like lower(@q) escape '!'"))})";
    }

    private static string Escape(string text) =>
        text.Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal).Replace("_", "!_", StringComparison.Ordinal);
}
