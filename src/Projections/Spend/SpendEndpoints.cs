using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Spend;

/// <summary><c>GET /api/usage</c>: who used and owes how much, by what the question asks for.</summary>
internal static class SpendEndpoints
{
    /// <summary>An answer is never larger; an hourly one over years would be.</summary>
    public const int MaxRows = 10_000;

    public static void MapSpend(this IEndpointRouteBuilder api) => api.MapGet("/usage", AnswerAsync)
        .WithSummary("Who used and owes how much")
        .WithDescription($"Summed by what is asked for; at most {MaxRows} rows.")
        .WithQuery("tenant", "Only this tenant; dates are then in its time zone.")
        .WithQuery("key", "Only this key.")
        .WithQuery("model", "Only this model, as the provider names it.")
        .WithQuery("upstream", "Only what this upstream served.")
        .WithQuery("from", "The first date, or an instant with its offset.")
        .WithQuery("to", "The last date (included), or an instant with its offset (not included).")
        .WithQuery("by", "What the rows are by; day when not given.", [.. Enum.GetNames<SpendBy>().Select(name => name.ToLowerInvariant())])
        .WithQuery("timezone", "An IANA name such as Europe/Berlin for days and dates; the tenant's, or UTC.")
        .Produces<SpendReport>()
        .ProducesValidationProblem();

    private static async Task<IResult> AnswerAsync(HttpRequest request, ConfigSource config, SpendReader spend, CancellationToken cancellationToken)
    {
        var reader = new SpendQuestionReader(config.Current);
        var question = reader.Read(name => request.Query[name] is [{ Length: > 0 } value] ? value : null);
        foreach (var (name, values) in request.Query)
        {
            // A misspelt filter that is ignored answers another question than was asked.
            if (!SpendQuestionReader.Parameters.Contains(name))
            {
                reader.Errors[name] = [$"There is no such parameter; there are {string.Join(", ", SpendQuestionReader.Parameters)}."];
            }
            else if (values.Count != 1)
            {
                reader.Errors[name] = ["Give it once."];
            }
        }

        if (reader.Errors.Count > 0)
        {
            return TypedResults.ValidationProblem(reader.Errors);
        }

        var report = await spend.ReadAsync(question, cancellationToken);
        return report.Rows.Count <= MaxRows
            ? TypedResults.Json(report, ProjectionsJson.Default.SpendReport)
            : TypedResults.ValidationProblem(new Dictionary<string, string[]>
            {
                ["from"] = [$"The answer would have {report.Rows.Count} rows and {MaxRows} are allowed: ask for a shorter period, or by something coarser."],
            });
    }
}
