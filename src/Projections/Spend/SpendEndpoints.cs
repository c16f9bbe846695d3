using CCGate.Hosting.Configuration;
using CCGate.Projections.Export;
using CCGate.Projections.Questions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Spend;

/// <summary><c>GET /api/usage</c>: who used and owes how much, by what the question asks for.</summary>
internal static class SpendEndpoints
{
    /// <summary>An answer is never larger; an hourly one over years would be.</summary>
    public const int MaxRows = 10_000;

    private static readonly ExportColumn<SpendRow>[] Columns =
    [
        new("day", row => row.Day),
        new("hour", row => row.Hour),
        new("tenant", row => row.Tenant),
        new("key", row => row.Key),
        new("model", row => row.Model),
        new("upstream", row => row.Upstream),
        new("requests", row => row.Requests),
        new("errors", row => row.Errors),
        new("input_tokens", row => row.InputTokens),
        new("cache_read_tokens", row => row.CacheReadTokens),
        new("cache_write_5m_tokens", row => row.CacheWrite5mTokens),
        new("cache_write_1h_tokens", row => row.CacheWrite1hTokens),
        new("output_tokens", row => row.OutputTokens),
        new("reasoning_tokens", row => row.ReasoningTokens),
        new("web_searches", row => row.WebSearches),
        new("total_tokens", row => row.TotalTokens),
        new("spend_usd", row => row.SpendUsd),
        new("duration_ms", row => row.DurationMs),
    ];

    public static void MapSpend(this IEndpointRouteBuilder api) => api.MapGet("/usage", (HttpContext http, ConfigSource config, SpendReader spend, CancellationToken cancellationToken) =>
            AnswerAsync(http, owner: null, config, spend, cancellationToken))
        .WithSummary("Sums usage and spend")
        .WithDescription("By one or two of day, hour, model, tenant, key and upstream, such as by=day,model; format=csv for spreadsheets.")
        .Produces<SpendReport>()
        .ProducesValidationProblem();

    /// <param name="owner">The tenant that asks, about itself alone and not where its requests went; null for an operator.</param>
    public static async Task<IResult> AnswerAsync(HttpContext http, string? owner, ConfigSource config, SpendReader spend, CancellationToken cancellationToken)
    {
        var known = owner is null ? SpendQuestionReader.Parameters : Array.FindAll(SpendQuestionReader.Parameters, name => name is not ("tenant" or "upstream"));
        var parameters = new QuestionParameters(http.Request, [.. known, "format"]);
        var reader = new SpendQuestionReader(config.Current);
        var question = reader.Read(name => owner is null || known.Contains(name) ? parameters.Text(name) : name == "tenant" ? owner : null);
        var asCsv = parameters.AsCsv;
        if (owner is not null && (question.By == SpendBy.Upstream || question.ThenBy == SpendBy.Upstream))
        {
            parameters.Errors["by"] = ["It is none of day, hour, model, key."];
        }

        foreach (var (name, errors) in reader.Errors)
        {
            parameters.Errors[name] = errors;
        }

        if (parameters.Errors.Count > 0)
        {
            return parameters.Problem();
        }

        var report = await spend.ReadAsync(question, cancellationToken);
        if (report.Rows.Count > MaxRows)
        {
            parameters.Errors["from"] = [$"The answer would have {report.Rows.Count} rows and {MaxRows} are allowed: ask for a shorter period, or by something coarser."];
            return parameters.Problem();
        }

        return asCsv ? CsvAnswer.Of(http, "usage", report.Rows, ColumnsOf(question)) : TypedResults.Json(report, ProjectionsJson.Default.SpendReport);
    }

    /// <summary>What the rows are by, then all that is summed.</summary>
    private static List<ExportColumn<SpendRow>> ColumnsOf(SpendQuestion question)
    {
        var by = $"{question.By},{question.ThenBy}".ToLowerInvariant().Split(',');
        return [.. Columns.Where(column => by.Contains(column.Name) || (column.Name == "tenant" && by.Contains("key")) || !SpendQuestionReader.Dimensions.Contains(column.Name))];
    }
}
